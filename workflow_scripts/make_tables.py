"""Make every table of the results, beside the paper's figures where it gives them."""

import sys

from smoothcore.errors import exits_readably
from smoothcore.files.storage import write_csv
from smoothcore.results import statistics
from smoothcore.results.collected import Results
from smoothcore.workflow.command_line import results_parser


@exits_readably
def main() -> None:
    arguments = results_parser(__doc__).parse_args()
    results = Results(arguments.grid, arguments.folder)
    for name, table in statistics.all_tables(results.measures, results.runs, results.grid).items():
        write_csv(arguments.folder / f"{name}.csv", table)


if __name__ == "__main__":
    sys.exit(main())
