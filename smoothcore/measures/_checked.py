"""The closed forms for arrays of anybody: checked, flat. No value depends on this module."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from smoothcore.measures import _measuring
from smoothcore.measures._measuring import EvaluationPoints, Measurement
from smoothcore.network.two_layer import TwoLayerNetwork


def draw_evaluation_points(
    images: np.ndarray, n_samples: int, rng: np.random.Generator
) -> EvaluationPoints:
    """Draw the points and segments the measures are estimated on (§3.2, Definition 3).

    Args:
        images: the pair's test images, or a run's training images, shape (n, d). Those of a Keras
            model may have the shape of its inputs.
        n_samples: N; GN gets min(N, n) distinct images, FPL and GPL get N segments whose end points
            are drawn independently and uniformly, with replacement.
        rng: from `smoothcore.network.seeds.generator`.

    Raises:
        ValueError: no image, N < 1, or an entry of an image that is not finite.
    """
    if isinstance(images, np.ndarray) and images.dtype.kind == "f":
        # a mask z > 0 is off where z is NaN: f would look perfectly smooth there
        bad = ~np.isfinite(images).all(axis=tuple(range(1, images.ndim)))
        if bad.any():
            raise ValueError(
                f"{bad.sum()} of {len(images)} images have entries that are not finite, the first "
                f"is image {bad.argmax()}"
            )
    return _measuring.draw_evaluation_points(images, n_samples, rng)


def measure(
    network: TwoLayerNetwork,
    evaluation: EvaluationPoints,
    grid_points: int = 100,
    names: Iterable[str] | str | None = None,
) -> list[Measurement]:
    """Return every measure of a network by every estimator, on one set of images.

    Args:
        network: the network.
        evaluation: from `draw_evaluation_points`.
        grid_points: n of the sampled FPL and GPL.
        names: which measures, one or several; None for all.

    Returns:
        In the order of `all_measures`, labelled as of the trained network on test images. A network
        with a parameter that is not finite (a diverged run) has NaN for every value.

    Raises:
        ValueError: a measure of another name, ``grid_points`` < 2, or images of another number of
            pixels than the network's.
    """
    return _measuring.measure(network, _flat(evaluation, network), grid_points, _several(names))


def measure_run(
    trained: TwoLayerNetwork,
    initial: TwoLayerNetwork,
    test: EvaluationPoints,
    training: EvaluationPoints,
    grid_points: int = 100,
    names: Iterable[str] | str | None = None,
) -> list[Measurement]:
    """Return everything that is measured of one run.

    Args:
        trained: its network at the end.
        initial: its network before the first step, from `training.initial.initial_network`.
        test: drawn from the test images of its pair.
        training: drawn from its own training images.
        grid_points: n of the sampled FPL and GPL.
        names: which measures, one or several; None for all.

    Returns:
        The trained network on the test images, in the order of `all_measures` and with the measures
        that need no data, then on the training images; then the same of the initial network. A
        network with a parameter that is not finite (a diverged run) has NaN for every value.

    Raises:
        ValueError: a measure of another name, ``grid_points`` < 2, or images of another number of
            pixels than a network's.
    """
    test, training = (_flat(_flat(points, trained), initial) for points in (test, training))
    return _measuring.measure_run(trained, initial, test, training, grid_points, _several(names))


def _several(names: Iterable[str] | str | None) -> Iterable[str] | None:
    return [names] if isinstance(names, str) else names


def _flat(evaluation: EvaluationPoints, network: TwoLayerNetwork) -> EvaluationPoints:
    """Return the points with images of shape (n, d)."""
    images = np.asarray(evaluation.images)
    flat = images.reshape(len(images), -1)
    if flat.shape[1] != network.d:
        raise ValueError(
            f"the images have {flat.shape[1]} pixels, shape {images.shape}; the network takes "
            f"{network.d}, the first axis of W {network.W.shape}"
        )
    return evaluation if flat.shape == images.shape else replace(evaluation, images=flat)
