"""What every part of the benchmark is given."""

from collections.abc import Callable, Sequence
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


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int = 2) -> str:
    """Return a Markdown table: so many columns aligned to the left, the others to the right."""
    columns = list(zip(heads, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    to_left = [i < left for i in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(
            cell.ljust(width) if left else cell.rjust(width)
            for cell, width, left in zip(cells, widths, to_left, strict=True)
        ) + " |"  # fmt: skip

    rule = ["-" * width if left else "-" * (width - 1) + ":"
            for width, left in zip(widths, to_left, strict=True)]  # fmt: skip
    return "\n".join([line(heads), line(rule), *map(line, rows)])
