"""Work that is repeated and timed."""

import time
from collections.abc import Callable
from typing import NamedTuple


class Contender(NamedTuple):
    """Work that can be repeated.

    Attributes:
        run: does the work so many times and returns the seconds it took.
        steps: SGD steps (or pairs of products, or models) in one repetition.
    """

    run: Callable[[int], float]
    steps: int


def timed(work: Callable[[], object]) -> Callable[[int], float]:
    """Return a function that does ``work`` so many times and returns the seconds."""

    def run(repeats: int) -> float:
        began = time.perf_counter()
        for _ in range(repeats):
            work()
        return time.perf_counter() - began

    return run
