"""Where measures are evaluated, and all of them of one run. Everything is computed in float64."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from smoothcore.measures._about import (
    INITIAL,
    NO_IMAGES,
    TEST,
    TRAINED,
    TRAINING,
    Measure,
    all_measures,
)
from smoothcore.network.two_layer import TwoLayerNetwork

if TYPE_CHECKING:
    from smoothcore.measures._seen import Images


@dataclass(frozen=True)
class EvaluationPoints:
    """Where the measures are evaluated.

    Those of the test images are drawn once per pair and shared by every network of it.

    Attributes:
        images: all the pair's test images, or a run's training images, shape (n, d).
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
        n_samples: points or segments averaged; 0 where the value needs no data.
        images: `TEST` or `TRAINING`; `NO_IMAGES` if the measure needs no data.
        network: `TRAINED` or `INITIAL`.
    """

    measure: str
    estimator: str
    value: float
    stderr: float
    n_samples: int
    images: str = TEST
    network: str = TRAINED

    @property
    def main(self) -> bool:
        """Whether it is of the trained network, on the images that the measure is defined on."""
        defined_on = all_measures()[self.measure].images or NO_IMAGES
        return self.network == TRAINED and self.images == defined_on

    @classmethod
    def mean(cls, measure: str, estimator: str, values: np.ndarray) -> Measurement:
        """Return the mean of ``values``, shape (n,), with its standard error."""
        n = len(values)
        stderr = float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
        return cls(measure, estimator, float(values.mean()), stderr, n)


def draw_evaluation_points(
    images: np.ndarray, n_samples: int, rng: np.random.Generator
) -> EvaluationPoints:
    """See `_checked.draw_evaluation_points`."""
    if n_samples < 1 or len(images) < 1:
        raise ValueError(f"cannot draw {n_samples} samples from {len(images)} images")
    points = rng.choice(len(images), size=min(n_samples, len(images)), replace=False)
    starts = rng.integers(len(images), size=n_samples)
    ends = rng.integers(len(images), size=n_samples)
    return EvaluationPoints(images, points, starts, ends)


def measure(
    network: TwoLayerNetwork,
    evaluation: EvaluationPoints,
    grid_points: int = 100,
    names: Iterable[str] | None = None,
) -> list[Measurement]:
    """See `_checked.measure`."""
    from smoothcore.measures._seen import Images

    return list(_measured(network, {TEST: Images(evaluation)}, grid_points, _chosen(names)))


def measure_run(
    trained: TwoLayerNetwork,
    initial: TwoLayerNetwork,
    test: EvaluationPoints,
    training: EvaluationPoints,
    grid_points: int = 100,
    names: Iterable[str] | None = None,
) -> list[Measurement]:
    """See `_checked.measure_run`."""
    from smoothcore.measures._seen import Images

    chosen = _chosen(names)
    sets = {TEST: Images(test), TRAINING: Images(training, drop_dark=True)}
    return [
        replace(measurement, network=state)
        for state, network in ((TRAINED, trained), (INITIAL, initial))
        for measurement in _measured(network, sets, grid_points, chosen)
    ]


def _chosen(names: Iterable[str] | None) -> list[Measure]:
    about = all_measures()
    names = set(about if names is None else names)
    if unknown := names - set(about):
        raise ValueError(f"no measure is called {sorted(unknown)}: choose among {list(about)}")
    return [about[name] for name in about if name in names]


def _measured(
    network: TwoLayerNetwork, sets: Mapping[str, Images], grid_points: int, waiting: list[Measure]
) -> Iterator[Measurement]:
    """Yield the measures on each set of images; those that need no data with the first of them."""
    from smoothcore.measures._seen import Seen
    from smoothcore.measures._units import Units

    finite = all(np.isfinite(p).all() for p in (network.W, network.beta, network.v, network.c))
    units = Units(network)
    for label, images in sets.items():
        seen = Seen(units, images, grid_points)
        for one in waiting:
            values = importlib.import_module(one.module).measure(seen) if finite else _nothing(one)
            for value in values:
                yield replace(value, images=label if one.images else NO_IMAGES)
        waiting = [one for one in waiting if one.images]


def _nothing(about: Measure) -> list[Measurement]:
    """Return NaN for every estimator."""
    return [
        Measurement(about.name, estimator, float("nan"), float("nan"), 0)
        for estimator in about.estimators
    ]
