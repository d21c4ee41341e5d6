"""Train the two networks of Figure 1."""

import argparse
import sys
from pathlib import Path

from smoothcore.errors import exits_readably
from smoothcore.results import toy
from smoothcore.workflow.command_line import log_to_stderr


@exits_readably
def main() -> None:
    """Parse the arguments, train, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    log = log_to_stderr()
    networks = {}
    for name in toy.RUNS:
        outcome = toy.train_toy(name)
        networks[name] = outcome.state.network
        log.info(
            "%s: L(f) = %.2e after %d epochs", name, outcome.training_loss, outcome.state.epoch
        )
    toy.write_networks(arguments.output, networks)


if __name__ == "__main__":
    sys.exit(main())
