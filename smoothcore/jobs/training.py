"""Train one run: its images in, its weights, its record and its loss curve out."""

import contextlib
import json
import logging
import signal
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from threadpoolctl import threadpool_limits

from smoothcore.datasets import load_pair
from smoothcore.engines import LIBRARY_OF
from smoothcore.errors import DamagedFileError, SettingsError, StorageError
from smoothcore.files.locking import only_writer
from smoothcore.files.records import (
    is_complete,
    refuse_other_run,
    write_curve,
    write_record,
    write_weights,
)
from smoothcore.files.storage import check_dates, read_npz
from smoothcore.study.run import Run
from smoothcore.training import checkpoint
from smoothcore.training.determining import digest_of_arrays, digest_of_network, processor
from smoothcore.training.loop import TrainingSet, train
from smoothcore.training.recipe import Recipe

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingFiles:
    """Where a training job reads and writes.

    Attributes:
        data: the images, from `smoothcore.datasets.prepare`.
        weights: the trained network.
        record: its row of the table of runs.
        curve: its loss curve.
        checkpoint: the state of the unfinished run. It stays until the network has been measured:
            if the workflow is killed right after training, it starts the run again, and with the
            checkpoint that takes no time.
    """

    data: Path
    weights: Path
    record: Path
    curve: Path
    checkpoint: Path


def train_run(
    run: Run, recipe: Recipe, code: str, files: TrainingFiles, save_every: float = 60.0
) -> None:
    """Train a run to its end and write its files.

    A run that was interrupted continues from its checkpoint and ends with the same bits. A run that
    is complete is left alone. SIGTERM and Ctrl-C save a checkpoint and stop. ``code`` is the
    fingerprint of the code that determines the run, ``save_every`` in seconds.

    Raises:
        SettingsError: the images do not have such a run, another run lies at its files, or the
            library of its engine is not installed.
        StorageError: the images are dated ahead of the clock.
        InterruptedRunError: it was told to stop, and has saved its state.
    """
    outputs = {"weights": files.weights, "record": files.record, "curve": files.curve}
    refuse_other_run(run, *outputs.values())
    with only_writer(files.checkpoint):
        log.info("%s", run)
        check_dates([files.data], files.weights.parent)
        try:
            x, y, x_test, y_test = load_pair(files.data, run.pair, run.size, recipe.dataset)
        except ValueError as error:
            raise SettingsError(str(error)) from None
        versions = _versions("numpy", LIBRARY_OF[recipe.engine])
        data_sha256 = digest_of_arrays(x, y)
        said = {
            "run": run.coordinates,
            "recipe": asdict(recipe),
            "data": data_sha256,
            "code": code,
            "versions": versions,
        }
        identity = json.dumps(said, sort_keys=True)
        if is_complete(run, identity, **outputs):
            log.info("the run is complete: nothing to do (delete its files to train it again)")
            return
        state, processors = _state_of(files.checkpoint, identity)
        saved_as = json.dumps(said | {"processors": processors}, sort_keys=True)
        with _stop_asked() as stop_asked:
            outcome = train(
                run,
                recipe,
                TrainingSet(x, y),
                resume_from=state,
                save_state=lambda state: _save(files.checkpoint, state, saved_as, stop_asked),
                save_every=save_every,
                stop_asked=lambda: bool(stop_asked),
            )
        del x, y  # make room: writing loads libraries
        network = outcome.state.network
        # the last bits of a product depend on the number of threads
        with threadpool_limits(limits=1):
            test_loss = network.loss(x_test, y_test)
        made_by = {
            "versions": json.dumps(versions, sort_keys=True),
            "processor": "; ".join(processors),
            "code": code,
            "data_sha256": data_sha256,
            "weights_sha256": digest_of_network(network),
        }
        write_curve(files.curve, run, recipe, outcome)
        write_record(
            files.record, run, recipe, outcome, d=network.d, test_loss=test_loss, made_by=made_by
        )
        write_weights(files.weights, network, identity)


def _state_of(path: Path, identity: str) -> tuple[checkpoint.TrainingState | None, list[str]]:
    """Return the state that a checkpoint holds of a run, and the kinds of processor it has seen.

    In the order of their first use. A run that was on two kinds has the bits of neither.
    """
    before: list[str] = []
    with contextlib.suppress(DamagedFileError, ValueError):
        saved = str(read_npz(path, "identity")["identity"])
        said = json.loads(saved)
        before = said.pop("processors", [])
        if said == json.loads(identity):
            identity = saved
    state = checkpoint.load(path, identity)
    return state, list(dict.fromkeys([*(before if state else []), processor()]))


def _versions(*names: str) -> dict[str, str]:
    try:
        return {name: version(name) for name in names}
    except PackageNotFoundError as error:
        raise SettingsError(
            f"{error.name} is not installed, and the engine of this run needs it. Install it:  "
            f"python -m pip install {error.name}  or choose another `training.engine`."
        ) from None


@contextlib.contextmanager
def _stop_asked():
    """Yield a list that is no longer empty once the process is told to stop."""
    asked: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: asked.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _save(path: Path, state: checkpoint.TrainingState, identity: str, stop_asked: list) -> None:
    try:
        checkpoint.save(path, state, identity)
    except StorageError as error:
        if stop_asked:
            raise
        log.warning("no checkpoint was saved, training goes on: %s", error)
