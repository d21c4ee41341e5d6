"""Put the tables, figures and report of a study where version control keeps them.

A README beside them says what made them: commit, versions, processors, core hours, hashes.
"""

import argparse
import sys
from pathlib import Path

from smoothcore.errors import exits_readably
from smoothcore.workflow.publish import publish


@exits_readably
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("results/paper"), help="results/<name>")
    parser.add_argument(
        "--to", type=Path, help="results/<name> of the checkout that publishes; default: the folder"
    )
    arguments = parser.parse_args()
    print(publish(arguments.folder, arguments.to or arguments.folder))


if __name__ == "__main__":
    sys.exit(main())
