"""What every part of the benchmark is given."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Bench:
    """One run of the benchmark.

    Attributes:
        folder: temporary; holds ``mnist.npz`` and ``network.npz`` of `benchmarks.problem`.
        quick: few repetitions of small work: whether everything runs, not how fast.
        images: training images of the pair.
    """

    folder: Path
    quick: bool
    images: int

    def rounds(self, number: int) -> int:
        """Return how many rounds to run where a full benchmark takes ``number``."""
        return 1 if self.quick else number

    @property
    def pixels(self) -> tuple:
        """The pair's training set, for `benchmarks.problem.from_folder`."""
        return (self.folder, self.images)


def say(line: str) -> None:
    """Write a line about the progress."""
    print(f"[{time.strftime('%H:%M:%S')}] {line}", file=sys.stderr, flush=True)
