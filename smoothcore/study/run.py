"""The identity of one training run: its coordinates."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from smoothcore.regularizers import NONE

#: the columns that identify a run, in the order every table shows them
COORDINATES = ("pair", "size", "seed", "regularizer", "lambda", "learning_rate")

#: how a run can end
STATUSES = INTERPOLATED, MAX_EPOCHS, DIVERGED = "interpolated", "max_epochs", "diverged"


@dataclass(frozen=True, order=True)
class Run:
    """The coordinates of one training run.

    Attributes:
        pair: two digits, "4-9"; the first has target −1, the second +1.
        size: number of training images.
        seed: drives initialisation and permutations.
        regularizer: ``none`` or the name of a regularizer.
        lambda_: the weight λ of the penalty, 0 for ``none``.
        learning_rate: SGD step size.
    """

    pair: str
    size: int
    seed: int
    regularizer: str
    lambda_: float
    learning_rate: float

    def __post_init__(self) -> None:
        """Raise ValueError for a λ that does not fit the regularizer."""
        if (self.regularizer == NONE) != (self.lambda_ == 0) or self.lambda_ < 0:
            raise ValueError(f"λ = {self.lambda_} does not fit regularizer {self.regularizer!r}")

    @classmethod
    def from_coordinates(cls, values: Mapping[str, Any]) -> "Run":
        """Return the run of a mapping that holds its `coordinates`, as text or as numbers."""
        kinds = (str, int, int, str, float, float)
        named = zip(kinds, COORDINATES, strict=True)
        return cls(*(kind(values[name]) for kind, name in named))

    @property
    def coordinates(self) -> dict[str, str | int | float]:
        """The coordinates under their column names (`COORDINATES`)."""
        return dict(zip(COORDINATES, asdict(self).values(), strict=True))

    def __str__(self) -> str:
        penalty = "λ = 0" if self.regularizer == NONE else f"{self.regularizer} λ = {self.lambda_}"
        return (
            f"pair {self.pair}, size {self.size}, seed {self.seed}, {penalty}, "
            f"learning rate {self.learning_rate}"
        )
