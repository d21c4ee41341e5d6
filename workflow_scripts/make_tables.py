"""Make Table 1 and Table 2, each beside the paper's figures."""

import argparse
import sys
from pathlib import Path

from smoothcore.errors import exits_readably
from smoothcore.files.storage import read_parquet, write_csv
from smoothcore.results import statistics


@exits_readably
def main() -> None:
    """Parse the arguments, compute the tables, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid", required=True, type=Path)
    parser.add_argument("--runs", required=True, type=Path)
    parser.add_argument("--measures", required=True, type=Path)
    parser.add_argument("--table1", required=True, type=Path)
    parser.add_argument("--table2", required=True, type=Path)
    parser.add_argument("--taus", required=True, type=Path, help="τ of every pair and seed")
    arguments = parser.parse_args()
    grid, runs, measures = (
        read_parquet(path).to_pandas()
        for path in (arguments.grid, arguments.runs, arguments.measures)
    )
    taus = statistics.kendall_taus(measures, grid)
    for path, table in (
        (arguments.taus, taus),
        (arguments.table1, statistics.table1(taus)),
        (arguments.table2, statistics.table2(measures, runs, grid)),
    ):
        write_csv(path, table)


if __name__ == "__main__":
    sys.exit(main())
