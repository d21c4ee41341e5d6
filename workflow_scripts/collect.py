"""Collect the records, the measures and the loss curves of all runs into three tables."""

import argparse
import sys
from pathlib import Path

from smoothcore.errors import exits_readably
from smoothcore.files.paths import Layout
from smoothcore.files.storage import write_parquet
from smoothcore.workflow.collecting import collect, missing_in_words, read_grid
from smoothcore.workflow.command_line import log_to_stderr


@exits_readably
def main() -> None:
    """Parse the arguments, read every run, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True, type=Path, help="results/<name>")
    parser.add_argument("--grid", required=True, type=Path, help="results/<name>/grid.parquet")
    parser.add_argument("--runs", required=True, type=Path, help="output, parquet")
    parser.add_argument("--measures", required=True, type=Path, help="output, parquet")
    parser.add_argument("--curves", required=True, type=Path, help="output, parquet")
    parser.add_argument("--allow-missing", action="store_true", help="leave out missing runs")
    arguments = parser.parse_args()
    log = log_to_stderr()
    study, runs = read_grid(arguments.grid)
    layout = Layout(arguments.folder)
    log.info(missing_in_words(layout, runs))
    tables = collect(layout, study, runs, allow_missing=arguments.allow_missing)
    paths = (arguments.runs, arguments.measures, arguments.curves)
    for path, table in zip(paths, tables, strict=True):
        write_parquet(path, table, about={"study": study.to_dict()})
        log.info("%s: %d rows", path, table.num_rows)


if __name__ == "__main__":
    sys.exit(main())
