"""Collect the records, the measures and the loss curves of all runs into three tables."""

import sys

from smoothcore.errors import exits_readably
from smoothcore.files.paths import Layout
from smoothcore.files.storage import write_parquet
from smoothcore.results import COLLECTED
from smoothcore.workflow.collecting import collect, missing_in_words, read_grid
from smoothcore.workflow.command_line import log_to_stderr, results_parser


@exits_readably
def main() -> None:
    parser = results_parser(__doc__)
    parser.add_argument("--allow-missing", action="store_true", help="leave out missing runs")
    arguments = parser.parse_args()
    log = log_to_stderr()
    study, runs = read_grid(arguments.grid)
    layout = Layout(arguments.grid.parent)
    log.info(missing_in_words(layout, runs))
    tables = collect(layout, study, runs, allow_missing=arguments.allow_missing)
    for name, table in zip(COLLECTED, tables, strict=True):
        write_parquet(arguments.folder / name, table, about={"study": study.to_dict()})
        log.info("%s: %d rows", name, table.num_rows)


if __name__ == "__main__":
    sys.exit(main())
