"""Command-line arguments that several scripts share."""

import argparse
import contextlib
import re
import sys

from smoothcore.study.run import Run


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the coordinates of one run."""
    group = parser.add_argument_group("coordinates of the run")
    group.add_argument("--pair", required=True, type=_pair, help="two digits, such as 4-9")
    group.add_argument("--size", required=True, type=int, help="number of training images")
    group.add_argument("--seed", required=True, type=int)
    group.add_argument("--regularizer", required=True, help="none, GN, FPL, GPL, GPL-exact or WP")
    group.add_argument("--lambda", required=True, type=float, dest="lambda_", metavar="LAMBDA")
    group.add_argument("--learning-rate", required=True, type=float)


def run_from(arguments: argparse.Namespace) -> Run:
    """Return the run whose coordinates were given."""
    return Run(
        pair=arguments.pair,
        size=arguments.size,
        seed=arguments.seed,
        regularizer=arguments.regularizer,
        lambda_=arguments.lambda_,
        learning_rate=arguments.learning_rate,
    )


def _pair(text: str) -> str:
    if not re.fullmatch(r"\d-\d", text) or text[0] >= text[2]:
        raise argparse.ArgumentTypeError(f"{text!r} is not two digits a-b with a < b, such as 4-9")
    return text


def say(line: str) -> None:
    """Write a line to the log at once; a log that cannot be written stops nothing."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)
