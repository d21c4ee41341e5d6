"""What a measure says of itself, and how measures are found. No value depends on it."""

from collections.abc import Mapping
from dataclasses import dataclass

from smoothcore import registry

ROOM = "smoothcore.measures"

SAMPLED, EXACT = "sampled", "exact"

#: the images that a measurement is of
TEST, TRAINING, NO_IMAGES = "test", "training", "none"

#: the networks that a measurement can be of
TRAINED, INITIAL = "trained", "initial"


@dataclass(frozen=True)
class Measure:
    """What a measure says of itself. Nothing of it changes a measured value.

    Attributes:
        name: the paper's symbol, as in parquet and in figures.
        long_name: in words.
        rank: its place in tables and figures.
        color: in every figure, a hexadecimal code.
        estimators: what ``measure`` returns, in its order.
        main_estimator: the one that tables and figures show; the paper's where it has one.
        order: of the derivatives of f that it measures, "1" or "2"; or "parameters" or "weights".
        source: who defined it, in a few words.
        images: those it is defined on, `TEST` or `TRAINING`; empty if it needs no data.
        lower_bound: l_S of equation 16.
    """

    name: str
    long_name: str
    rank: int
    color: str
    estimators: tuple[str, ...]
    main_estimator: str
    order: str
    source: str
    images: str
    lower_bound: float = 0.0

    @property
    def module(self) -> str:
        """Full name of its module."""
        return f"{ROOM}.{self.name.lower().replace('-', '_')}"


def all_measures() -> Mapping[str, Measure]:
    """Return every measure by name, in the order they are shown in."""
    return registry.entries(ROOM, "ABOUT")


def all_estimates() -> list[tuple[str, str]]:
    """Return every measure with each of its estimators, in the order they are shown in."""
    return [(m.name, estimator) for m in all_measures().values() for estimator in m.estimators]
