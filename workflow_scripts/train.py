"""Train one run to interpolation and save its weights, its record and its loss curve.

A run that was interrupted continues from its checkpoint and ends with the same bits. A run that is
complete is left alone. SIGTERM and Ctrl-C make it save a checkpoint and stop.
"""

import sys
from pathlib import Path

from smoothcore.errors import exits_readably
from smoothcore.jobs.training import TrainingFiles, train_run
from smoothcore.study.run import Run
from smoothcore.training.recipe import Recipe
from smoothcore.workflow.adoption import refuse_other_code
from smoothcore.workflow.command_line import (
    EXAMPLE_RECIPE,
    EXAMPLE_RUN,
    do_without,
    from_settings,
    log_to_stderr,
    settings_parser,
)
from smoothcore.workflow.fingerprint import training_code


@exits_readably
def main() -> None:
    parser = settings_parser(__doc__, run=EXAMPLE_RUN, recipe=EXAMPLE_RECIPE)
    parser.add_argument("--data", required=True, type=Path, help="images, from prepare_data")
    parser.add_argument("--weights", required=True, type=Path, help="output, npz")
    parser.add_argument("--record", required=True, type=Path, help="output, parquet")
    parser.add_argument("--curve", required=True, type=Path, help="output, parquet")
    parser.add_argument("--checkpoint", required=True, type=Path, help="state while it runs, npz")
    parser.add_argument("--checkpoint-seconds", type=float, default=60.0)
    parser.add_argument("--code", help="fingerprint of the code; worked out where it is not given")
    arguments = parser.parse_args()
    log_to_stderr()
    run, recipe = from_settings(arguments.settings, run=Run, recipe=Recipe)
    files = TrainingFiles(
        *(getattr(arguments, name) for name in ("data", "weights", "record", "curve", "checkpoint"))
    )
    now = training_code(run.regularizer, recipe.engine)
    code = arguments.code or now
    refuse_other_code({run.regularizer: code}, {run.regularizer: now}, files.record)
    train_run(run, recipe, code, files, save_every=arguments.checkpoint_seconds)


if __name__ == "__main__":
    # without SciPy no step can call BLAS, whose bits depend on the number of threads
    do_without("pandas", "scipy")
    sys.exit(main())
