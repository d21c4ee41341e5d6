"""Say how far a study is: runs done, running, failed, core hours spent and left.

Nothing is started: it reads what is there, also while the study is running.
"""

import argparse
import sys
from pathlib import Path

from smoothcore.errors import exits_readably
from smoothcore.files.paths import Layout
from smoothcore.workflow.collecting import read_grid
from smoothcore.workflow.status import table


@exits_readably
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("results/paper"), help="results/<name>")
    arguments = parser.parse_args()
    layout = Layout(arguments.folder)
    study, _ = read_grid(layout.grid)
    shown = table(study, layout)
    empty = [name for name in shown.columns if shown[name].eq(0).all()]
    print(shown.drop(columns=empty).to_string(index=False))
    print("\nspent and left are core hours; left is expected.")


if __name__ == "__main__":
    sys.exit(main())
