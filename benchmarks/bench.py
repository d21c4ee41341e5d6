"""What every part of the benchmark is given."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Bench:
    """One run of the benchmark.

    Attributes:
        folder: temporary; holds ``mnist.npz`` and ``network.npz`` of `benchmarks.problem`.
        quick: few repetitions of small work: whether everything runs, not how fast.
        images: training images of the pair.
        say: called with a line about the progress.
    """

    folder: Path
    quick: bool
    images: int
    say: Callable[[str], None]

    def rounds(self, number: int) -> int:
        """Return how many rounds to run where a full benchmark takes ``number``."""
        return 1 if self.quick else number

    @property
    def pixels(self) -> tuple:
        """The pair's training set, for `benchmarks.problem.from_folder`."""
        return (str(self.folder), self.images)
