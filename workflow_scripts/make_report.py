"""Make the report: one page that opens offline."""

import argparse
import sys
from pathlib import Path

from smoothcore.errors import exits_readably
from smoothcore.files.storage import atomic_write
from smoothcore.results.report import inputs, page
from smoothcore.workflow.command_line import log_to_stderr


@exits_readably
def main() -> None:
    """Parse the arguments, read, render, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid", required=True, type=Path, help="results/<name>/grid.parquet")
    parser.add_argument("--tables", required=True, type=Path, help="folder of the tables")
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    text = page.render(inputs.read(arguments.grid, arguments.tables))
    with atomic_write(arguments.output) as temporary:
        temporary.write_text(text, encoding="utf-8")
    log_to_stderr().info(f"{arguments.output}: {len(text) / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())
