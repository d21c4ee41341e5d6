"""Draw the figures of the runs and measures; Figure 1 needs neither."""

import argparse
import sys
from pathlib import Path

from smoothcore.errors import exits_readably
from smoothcore.results import FORMATS
from smoothcore.results.collected import read_collected
from smoothcore.results.figures import all_figures
from smoothcore.results.style import save_figure


@exits_readably
def main() -> None:
    """Parse the arguments, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid", required=True, type=Path, help="results/<name>/grid.parquet")
    parser.add_argument("--folder", required=True, type=Path, help="of runs, measures and output")
    arguments = parser.parse_args()
    collected = read_collected(arguments.grid, arguments.folder)
    for name, figure in all_figures(collected.study, *collected.tables).items():
        save_figure(figure, [arguments.folder / f"{name}.{kind}" for kind in FORMATS])


if __name__ == "__main__":
    sys.exit(main())
