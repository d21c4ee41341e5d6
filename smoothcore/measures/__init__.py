"""Smoothness measures of a two-layer ReLU network f(x) = ⟨v, relu(Wᵀx + β)⟩ + c: one module each.

A measure is a module of this package, found by `smoothcore.registry`: it says what it is in
``ABOUT`` and computes its measurements in ``measure(seen)``. Masks are m = 1[z > 0]: a unit is
off where z = 0. Everything is computed in float64.
"""

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from smoothcore import registry
from smoothcore.network.two_layer import TwoLayerNetwork

SAMPLED = "sampled"
EXACT = "exact"


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
        lower_bound: l_S of equation 16.
    """

    name: str
    long_name: str
    rank: int
    color: str
    estimators: tuple[str, ...]
    main_estimator: str
    lower_bound: float = 0.0

    @property
    def module(self) -> str:
        """Full name of its module."""
        return f"{__name__}.{self.name.lower().replace('-', '_')}"


def all_measures() -> Mapping[str, Measure]:
    """Return every measure by name, in the order they are shown in."""
    return registry.entries(__name__, "ABOUT")


def all_estimates() -> list[tuple[str, str]]:
    """Return every measure with each of its estimators, in the order they are shown in."""
    return [(m.name, estimator) for m in all_measures().values() for estimator in m.estimators]


@dataclass(frozen=True)
class EvaluationPoints:
    """Where the measures are evaluated; drawn once per pair and shared by every model of it.

    Attributes:
        images: all the pair's test images, shape (n_test, d); the exact GN is the mean over them.
        points: which of them are the points of GN, integers, shape (N',).
        starts: which are the start points a of the segments, integers, shape (N,).
        ends: which are the end points b of the segments, integers, shape (N,).
    """

    images: np.ndarray
    points: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


@dataclass(frozen=True)
class Measurement:
    """One number: a measure of one network.

    Attributes:
        measure: name of the measure.
        estimator: one of the measure's `Measure.estimators`.
        value: the mean over the samples.
        stderr: its standard error, sample standard deviation / sqrt(n_samples); 0 where nothing
            was sampled, NaN for a single sample.
        n_samples: points or segments averaged; 0 where the measure needs no data.
    """

    measure: str
    estimator: str
    value: float
    stderr: float
    n_samples: int
    images: str = "test"
    network: str = "trained"

    @property
    def main(self) -> bool:
        """Whether this is the value that tables show."""
        return self.images == "test" and self.network == "trained"

    @classmethod
    def mean(cls, measure: str, estimator: str, values: np.ndarray) -> "Measurement":
        """Return the mean of ``values``, shape (n,), with its standard error."""
        n = len(values)
        stderr = float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
        return cls(measure, estimator, float(values.mean()), stderr, n)


def draw_evaluation_points(
    x_test: np.ndarray, n_samples: int, rng: np.random.Generator
) -> EvaluationPoints:
    """Draw the points and segments the measures are estimated on (§3.2, Definition 3).

    Args:
        x_test: the pair's test images, shape (n_test, d).
        n_samples: N; GN gets min(N, n_test) distinct images, FPL and GPL get N segments whose end
            points are drawn independently and uniformly, with replacement.
        rng: from `smoothcore.network.seeds.generator`.

    Raises:
        ValueError: no test image, or N < 1.
    """
    if n_samples < 1 or len(x_test) < 1:
        raise ValueError(f"cannot draw {n_samples} samples from {len(x_test)} test images")
    points = rng.choice(len(x_test), size=min(n_samples, len(x_test)), replace=False)
    starts = rng.integers(len(x_test), size=n_samples)
    ends = rng.integers(len(x_test), size=n_samples)
    return EvaluationPoints(x_test, points, starts, ends)


def measure(
    network: TwoLayerNetwork,
    evaluation: EvaluationPoints,
    grid_points: int = 100,
    names: Iterable[str] | None = None,
) -> list[Measurement]:
    """Return every measure by every estimator.

    Args:
        network: the trained network.
        evaluation: from `draw_evaluation_points`.
        grid_points: n of the sampled FPL and GPL.
        names: which measures; None for all. The result has the order of `all_measures`.

    Returns:
        A network with a parameter that is not finite (a diverged run) has NaN for every value.
    """
    from smoothcore.measures._seen import Seen

    about = all_measures()
    chosen = [about[name] for name in about if names is None or name in names]
    if not all(np.isfinite(p).all() for p in (network.W, network.beta, network.v, network.c)):
        return [
            Measurement(m.name, estimator, float("nan"), float("nan"), 0)
            for m in chosen
            for estimator in m.estimators
        ]
    seen = Seen(network, evaluation, grid_points)
    return [value for m in chosen for value in importlib.import_module(m.module).measure(seen)]


def measure_run(
    trained: TwoLayerNetwork,
    initial: TwoLayerNetwork,
    test: EvaluationPoints,
    training: EvaluationPoints,
    grid_points: int,
    names: Iterable[str] | None = None,
) -> list[Measurement]:
    """Return everything that is measured of one run."""
    return measure(trained, test, grid_points, names)
