"""Train the two networks of Figure 1 and draw them: one is smooth and one is not."""

import argparse
import sys
from pathlib import Path

from smoothcore.errors import exits_readably
from smoothcore.results import toy
from smoothcore.results.figures import figure1
from smoothcore.results.style import save_figure
from smoothcore.workflow.command_line import log_to_stderr


@exits_readably
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", required=True, type=Path, help="output, npz")
    parser.add_argument("--figures", required=True, type=Path, nargs="+", help="svg, png, pdf")
    arguments = parser.parse_args()
    log = log_to_stderr()
    networks = {}
    for name in toy.RUNS:
        outcome = toy.train_toy(name)
        networks[name] = outcome.state.network
        log.info(
            "%s: L(f) = %.2e after %d epochs", name, outcome.training_loss, outcome.state.epoch
        )
    toy.write_networks(arguments.networks, networks)
    save_figure(figure1(networks), arguments.figures)


if __name__ == "__main__":
    sys.exit(main())
