"""Draw Figure 1: two functions through the same points, one smooth and one not."""

import argparse
import sys
from pathlib import Path

from smoothcore.errors import exits_readably
from smoothcore.results.figures import figure1
from smoothcore.results.style import save_figure
from smoothcore.results.toy import read_networks


@exits_readably
def main() -> None:
    """Parse the arguments, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", required=True, type=Path, help="from train_toy")
    parser.add_argument("--output", required=True, type=Path, nargs="+", help="svg, png, pdf")
    arguments = parser.parse_args()
    save_figure(figure1(read_networks(arguments.networks)), arguments.output)


if __name__ == "__main__":
    sys.exit(main())
