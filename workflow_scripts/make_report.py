"""Make the report: one page that opens offline."""

import sys

from smoothcore.errors import exits_readably
from smoothcore.files.storage import atomic_write
from smoothcore.results.collected import Results
from smoothcore.results.report import page
from smoothcore.workflow.command_line import results_parser


@exits_readably
def main() -> None:
    arguments = results_parser(__doc__).parse_args()
    text = page.render(Results(arguments.grid, arguments.folder))
    with atomic_write(arguments.folder / "report.html") as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
