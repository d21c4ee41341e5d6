"""Bring the images of a dataset into one checked file, by digit."""

import sys
from pathlib import Path

from smoothcore.datasets import prepare
from smoothcore.errors import exits_readably
from smoothcore.jobs.settings import DataSettings
from smoothcore.workflow.command_line import from_settings, log_to_stderr, settings_parser


@exits_readably
def main() -> None:
    parser = settings_parser(__doc__, dataset=DataSettings("mnist", "/data/mnist"))
    parser.add_argument("--output", required=True, type=Path, help="npz")
    arguments = parser.parse_args()
    log_to_stderr()
    (dataset,) = from_settings(arguments.settings, dataset=DataSettings)
    prepare(dataset.name, arguments.output, dataset.mnist_dir and Path(dataset.mnist_dir))


if __name__ == "__main__":
    sys.exit(main())
