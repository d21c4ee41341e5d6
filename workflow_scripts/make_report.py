"""Make the report: one page that opens offline."""

import argparse
import sys
from pathlib import Path

from smoothcore.errors import exits_readably
from smoothcore.files.storage import atomic_write
from smoothcore.results.report import inputs, page


@exits_readably
def main() -> None:
    """Parse the arguments, read, render, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid", required=True, type=Path, help="results/<name>/grid.parquet")
    parser.add_argument("--folder", required=True, type=Path, help="of tables, figures and output")
    arguments = parser.parse_args()
    text = page.render(inputs.read(arguments.grid, arguments.folder))
    with atomic_write(arguments.folder / "report.html") as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
