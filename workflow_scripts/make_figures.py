"""Draw the figures of the tables; Figure 1 needs none."""

import sys

from smoothcore.errors import exits_readably
from smoothcore.results import FORMATS
from smoothcore.results.collected import Results
from smoothcore.results.figures import all_figures
from smoothcore.results.style import save_figure
from smoothcore.workflow.command_line import results_parser


@exits_readably
def main() -> None:
    arguments = results_parser(__doc__).parse_args()
    for name, figure in all_figures(Results(arguments.grid, arguments.folder)).items():
        save_figure(figure, [arguments.folder / f"{name}.{kind}" for kind in FORMATS])


if __name__ == "__main__":
    sys.exit(main())
