"""Train a sample of finished runs again and compare weights and measures with what is stored.

All equal: exit code 0, and with --adopt the present code is taken for that of the sample, so that
runs of that code are not stale. One differs: it says which and by how much, adopts nothing, exit
code 1. On another kind of processor than the runs were trained on, bits differ; then the
differences stand beside the scatter between seeds.
"""

import argparse
import sys
from pathlib import Path

from smoothcore.errors import exits_readably
from smoothcore.files.paths import Layout
from smoothcore.training.determining import processor
from smoothcore.workflow.check import (
    adopt_code,
    choose,
    compare,
    finished_runs,
    refuse_other_checkout,
    verdict,
)
from smoothcore.workflow.collecting import read_grid
from smoothcore.workflow.command_line import log_to_stderr


@exits_readably
def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", required=True, type=Path, help="results/<name>")
    parser.add_argument("--minutes", type=float, default=10.0, help="time to spend (10)")
    parser.add_argument("--adopt", action="store_true", help="if all are equal, adopt the code")
    arguments = parser.parse_args()
    log_to_stderr()
    refuse_other_checkout()
    layout = Layout(arguments.folder)
    study, runs = read_grid(layout.grid)
    records, measures = finished_runs(layout, study, runs)
    sample = choose(records, 60 * arguments.minutes)
    print(f"{len(sample)} of {len(records)} finished runs are trained again, on {processor()}")
    compared = []
    for comparison in compare(study, layout, measures, sample):
        compared.append(comparison)
        print(*comparison.lines(), sep="\n")
    print(*verdict(compared, sample), sep="\n")
    if any(comparison.differs for comparison in compared):
        return 1
    if arguments.adopt:
        print(*adopt_code(layout, study, records, measures, compared), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
