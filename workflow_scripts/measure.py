"""Measure one trained network, and the same network at its initialisation.

A measure that is in the table already, of the same network, code and settings, is kept.
"""

import json
import sys
from pathlib import Path

from smoothcore.errors import exits_readably
from smoothcore.jobs.measuring import MeasuringFiles, measure_and_write
from smoothcore.jobs.settings import MeasuringSettings
from smoothcore.measures import all_measures
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
from smoothcore.workflow.fingerprint import measuring_code


@exits_readably
def main() -> None:
    measuring = MeasuringSettings(n_samples=1000, grid_points=100)
    parser = settings_parser(__doc__, run=EXAMPLE_RUN, recipe=EXAMPLE_RECIPE, measuring=measuring)
    parser.add_argument("--data", required=True, type=Path, help="images, from prepare_data")
    parser.add_argument("--weights", required=True, type=Path, help="from train")
    parser.add_argument("--record", required=True, type=Path, help="from train")
    parser.add_argument("--output", required=True, type=Path, help="parquet; what holds is kept")
    parser.add_argument("--checkpoint", required=True, type=Path, help="removed at the end")
    parser.add_argument(
        "--code",
        type=json.loads,
        help="the measures to compute, each with the fingerprint of its code, as JSON; "
        "all of them where it is not given",
    )
    arguments = parser.parse_args()
    log_to_stderr()
    run, recipe, settings = from_settings(
        arguments.settings, run=Run, recipe=Recipe, measuring=MeasuringSettings
    )
    names = ("data", "weights", "record", "output", "checkpoint")
    files = MeasuringFiles(*(getattr(arguments, name) for name in names))
    now = {name: measuring_code(name) for name in all_measures()}
    code = arguments.code or now
    refuse_other_code(code, now, files.output)
    measure_and_write(run, recipe, settings, code, files)


if __name__ == "__main__":
    do_without("pandas")
    sys.exit(main())
