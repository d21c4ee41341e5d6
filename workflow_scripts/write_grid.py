"""Write the table of all runs that a study asks for."""

import sys
from pathlib import Path

import pyarrow as pa

from smoothcore.errors import exits_readably
from smoothcore.files.storage import write_parquet
from smoothcore.study.config import load_study
from smoothcore.study.grid import to_table
from smoothcore.workflow.command_line import from_settings, log_to_stderr, settings_parser


@exits_readably
def main() -> None:
    example = {"study": {"name": "mine", "…": "every key of config.yaml"}, "search": {"WP": 2}}
    parser = settings_parser(__doc__, **example)
    parser.add_argument("--output", required=True, type=Path, help="parquet")
    arguments = parser.parse_args()
    log_to_stderr()
    mapping, search = from_settings(arguments.settings, study=dict, search=dict)
    study = load_study(mapping, "the study")
    table = pa.Table.from_pandas(to_table(study, search), preserve_index=False)
    write_parquet(arguments.output, table, about=study.to_dict())


if __name__ == "__main__":
    sys.exit(main())
