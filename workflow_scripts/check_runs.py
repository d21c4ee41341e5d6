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
from smoothcore.workflow.adoption import adopt
from smoothcore.workflow.check import choose, compare, finished_runs, n_of_other_code, remembered
from smoothcore.workflow.collecting import read_grid
from smoothcore.workflow.command_line import log_to_stderr


@exits_readably
def main() -> int:
    """Parse the arguments, train again, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", required=True, type=Path, help="results/<name>")
    parser.add_argument("--minutes", type=float, default=10.0, help="time to spend (10)")
    parser.add_argument("--adopt", action="store_true", help="if all are equal, adopt the code")
    arguments = parser.parse_args()
    log_to_stderr()
    layout = Layout(arguments.folder)
    study, runs = read_grid(layout.grid)
    records, measures = finished_runs(layout, runs)
    sample = choose(records, 60 * arguments.minutes)
    here, there = processor(), sorted(sample["processor"].unique())
    print(f"{len(sample)} of {len(records)} finished runs are trained again, on {here}")
    equal: set[tuple[str, str]] = set()
    worst, n_different = 0.0, 0
    for comparison in compare(study, layout, measures, sample):
        print(f"{comparison.run}: {comparison.differs or 'equal bits'}")
        # NaN where a study has one seed
        if shifted := {d: measure for measure, d in comparison.deviations.items() if d > 0}:
            most = max(shifted)
            print(f"    most {shifted[most]}, by {most:.2g} standard deviations over seeds")
            worst = max(worst, most)
        n_different += bool(comparison.differs)
        equal |= comparison.code.items()
    if n_different:
        print(f"{n_different} of {len(sample)} runs differ. Nothing is adopted.")
        if here not in there:
            print(
                f"They were trained on another kind of processor ({', '.join(there)}): other last "
                "bits are expected."
            )
            if worst:
                print(
                    f"The largest difference of a measure is {worst:.3g} standard deviations over "
                    "seeds."
                )
        return 1
    print(f"All {len(sample)} have equal bits.")
    if arguments.adopt:
        adopt(layout.root, sorted(equal), remembered(layout, records, measures))
        kinds = ", ".join(sorted(sample["regularizer"].unique()))
        print(f"The present code is taken for that of the runs in the sample ({kinds}).")
        if n := n_of_other_code(layout, study, records, measures):
            print(f"{n} of {len(records)} finished runs are of code that is not known to be equal.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
