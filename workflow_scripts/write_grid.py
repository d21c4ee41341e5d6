"""Write the table of all cells that a study asks for."""

import argparse
import json
import sys
from pathlib import Path

import pyarrow as pa

from smoothcore.errors import exits_readably
from smoothcore.files.storage import write_parquet
from smoothcore.study.config import study_from_json, study_to_json
from smoothcore.study.grid import to_table


@exits_readably
def main() -> None:
    """Parse the arguments and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True, type=study_from_json, help="config as JSON")
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    table = pa.Table.from_pandas(to_table(arguments.study), preserve_index=False)
    write_parquet(arguments.output, table, about=json.loads(study_to_json(arguments.study)))


if __name__ == "__main__":
    sys.exit(main())
