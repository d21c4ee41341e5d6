"""Draw Figure 2: how far each penalty lowers its measure while the network interpolates."""

import argparse
import sys
from pathlib import Path

from smoothcore.errors import exits_readably
from smoothcore.files.storage import read_parquet
from smoothcore.results import statistics
from smoothcore.results.figures import figure2
from smoothcore.results.style import save_figure


@exits_readably
def main() -> None:
    """Parse the arguments, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid", required=True, type=Path)
    parser.add_argument("--runs", required=True, type=Path)
    parser.add_argument("--measures", required=True, type=Path)
    parser.add_argument("--output", required=True, type=Path, nargs="+", help="svg, png, pdf")
    arguments = parser.parse_args()
    grid, runs, measures = (
        read_parquet(path).to_pandas()
        for path in (arguments.grid, arguments.runs, arguments.measures)
    )
    figure = figure2(
        statistics.optimality_values(measures, grid), statistics.interpolation_counts(runs, grid)
    )
    save_figure(figure, arguments.output)


if __name__ == "__main__":
    sys.exit(main())
