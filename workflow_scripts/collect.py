"""Collect the records and the measures of all cells into two tables."""

import argparse
import sys
from pathlib import Path

from smoothcore.errors import exits_readably
from smoothcore.files import schemas
from smoothcore.files.paths import Layout
from smoothcore.files.storage import read_parquet, write_parquet
from smoothcore.workflow.collecting import collect, missing_cells, runs_of
from smoothcore.workflow.command_line import say


@exits_readably
def main() -> None:
    """Parse the arguments, read every cell, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True, type=Path, help="results/<name>")
    parser.add_argument("--grid", required=True, type=Path)
    parser.add_argument("--runs", required=True, type=Path)
    parser.add_argument("--measures", required=True, type=Path)
    parser.add_argument("--allow-missing", action="store_true", help="leave out missing cells")
    arguments = parser.parse_args()
    layout = Layout(arguments.folder)
    runs = runs_of(read_parquet(arguments.grid).to_pandas())
    say(missing_cells(layout, runs))
    for output, path_of, schema in (
        (arguments.runs, layout.record, schemas.RUNS),
        (arguments.measures, layout.measured, schemas.MEASURES),
    ):
        table = collect(runs, path_of, schema, allow_missing=arguments.allow_missing)
        write_parquet(output, table)
        say(f"{output}: {table.num_rows} rows")


if __name__ == "__main__":
    sys.exit(main())
