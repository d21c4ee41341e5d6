"""Print Table 1 and Table 2 beside the paper's, and where the figures and the report lie."""

import argparse
import sys
from pathlib import Path

from smoothcore.errors import exits_readably
from smoothcore.results import terminal


@exits_readably
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--folder", type=Path, default=Path("results/paper"), help="results/<name>, or its partial"
    )
    print("\n".join(terminal.lines(parser.parse_args().folder)))


if __name__ == "__main__":
    sys.exit(main())
