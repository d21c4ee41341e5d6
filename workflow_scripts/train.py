"""Train one network to interpolation and save its weights, its record and its loss curve.

A run that was interrupted continues from its checkpoint and ends with the same bits. A run that is
complete is left alone. SIGTERM and Ctrl-C make it save a checkpoint and stop.
"""

import argparse
import hashlib
import json
import signal
import sys
from importlib.metadata import version
from pathlib import Path

from smoothcore.datasets import load_pair
from smoothcore.engines import ENGINES, LIBRARY_OF
from smoothcore.errors import StorageError, exits_readably
from smoothcore.files.locking import only_writer
from smoothcore.files.records import is_complete, write_curve, write_record, write_weights
from smoothcore.training import checkpoint
from smoothcore.training.determining import determining_modules
from smoothcore.training.loop import TrainingSet, train
from smoothcore.training.recipe import Recipe
from smoothcore.workflow.command_line import add_run_arguments, run_from, say
from smoothcore.workflow.fingerprint import fingerprint


@exits_readably
def main() -> None:
    """Parse the arguments, train, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_run_arguments(parser)
    parser.add_argument("--recipe", required=True, type=_recipe, help="settings as JSON")
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--weights", required=True, type=Path)
    parser.add_argument("--record", required=True, type=Path)
    parser.add_argument("--curve", required=True, type=Path)
    parser.add_argument("--checkpoint", required=True, type=Path)
    parser.add_argument("--checkpoint-seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    run, recipe = run_from(arguments), arguments.recipe

    try:
        recipe.objective(run)
    except ValueError as error:
        parser.error(str(error))
    with only_writer(arguments.checkpoint, say):
        say(str(run))
        try:
            x, y, x_test, y_test = load_pair(arguments.data, run.pair, run.size, recipe.dataset)
        except ValueError as error:
            parser.error(str(error))
        versions = {name: version(name) for name in ("numpy", LIBRARY_OF[recipe.engine])}
        identity = json.dumps(
            {
                "run": run.coordinates,
                "recipe": json.loads(recipe.to_json()),
                "data": hashlib.sha256(x.tobytes() + y.tobytes()).hexdigest(),
                "code": fingerprint(
                    Path(__file__),
                    extra_modules=determining_modules(
                        run.regularizer, recipe.engine, recipe.dataset
                    ),
                ),
                "versions": versions,
            },
            sort_keys=True,
        )
        outputs = {name: getattr(arguments, name) for name in ("weights", "record", "curve")}
        if is_complete(run, identity, **outputs):
            say("this run is complete already: nothing to do (delete its files to train it again)")
            return
        stop_asked = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop_asked.append(True))

        def save_state(state: checkpoint.TrainingState) -> None:
            try:
                checkpoint.save(arguments.checkpoint, state, identity)
            except StorageError as error:
                if stop_asked:
                    raise
                say(f"no checkpoint was saved, training goes on: {error}")

        outcome = train(
            run,
            recipe,
            TrainingSet(x, y),
            resume_from=checkpoint.load(arguments.checkpoint, identity, say),
            save_state=save_state,
            save_every=arguments.checkpoint_seconds,
            stop_asked=lambda: bool(stop_asked),
            say=say,
        )
        network = outcome.state.network
        write_curve(arguments.curve, run, outcome)
        write_record(
            arguments.record,
            run,
            recipe,
            outcome,
            d=network.d,
            test_loss=network.loss(x_test, y_test),
            versions=versions,
        )
        write_weights(arguments.weights, network, identity)
    # the checkpoint stays until the network has been measured: see measure.py


def _recipe(text: str) -> Recipe:
    try:
        recipe = Recipe.from_json(text)
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"not a recipe: {error}") from None
    if recipe.engine not in ENGINES:
        raise argparse.ArgumentTypeError(f"no engine {recipe.engine!r}: one of {list(ENGINES)}")
    return recipe


if __name__ == "__main__":
    sys.exit(main())
