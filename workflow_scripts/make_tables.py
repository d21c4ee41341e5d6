"""Make every table of the results, beside the paper's figures where it gives them."""

import argparse
import sys
from pathlib import Path

from smoothcore.errors import exits_readably
from smoothcore.files.storage import write_csv
from smoothcore.results import statistics
from smoothcore.results.collected import read_collected


@exits_readably
def main() -> None:
    """Parse the arguments, compute the tables, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid", required=True, type=Path, help="results/<name>/grid.parquet")
    parser.add_argument("--folder", required=True, type=Path, help="of runs, measures and output")
    arguments = parser.parse_args()
    collected = read_collected(arguments.grid, arguments.folder)
    for name, table in statistics.all_tables(*collected.tables).items():
        write_csv(arguments.folder / f"{name}.csv", table)


if __name__ == "__main__":
    sys.exit(main())
