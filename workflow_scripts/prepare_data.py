"""Bring the images of a dataset into one checked file, by digit."""

import argparse
import sys
from pathlib import Path

from smoothcore.datasets import prepare
from smoothcore.errors import exits_readably


@exits_readably
def main() -> None:
    """Parse the arguments and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--mnist-dir", type=Path, help="folder with the four IDX .gz files")
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    prepare(arguments.dataset, arguments.output, arguments.mnist_dir)


if __name__ == "__main__":
    sys.exit(main())
