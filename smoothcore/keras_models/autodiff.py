"""GN, FPL and GPL of any differentiable Keras model, by automatic differentiation.

The definitions (§3 of the paper) as they stand, with no use of the model's structure. For the
two-layer network `smoothcore.measures` is exact and more than ten times as fast; this is for models
of any other kind, and to check the closed forms.
"""

import contextlib
from collections.abc import Iterable, Iterator

import keras
import numpy as np

from smoothcore.keras_models import function
from smoothcore.keras_models.function import Function, check_backend, slices
from smoothcore.keras_models.supported import UnsupportedModelError
from smoothcore.measures import SAMPLED, EvaluationPoints, Measurement, all_measures

#: the measures defined for every differentiable model
MEASURES = ("GN", "FPL", "GPL")


def measure(
    model: keras.Model,
    evaluation: EvaluationPoints,
    grid_points: int = 100,
    measures: Iterable[str] | str = MEASURES,
) -> list[Measurement]:
    """Return the sampled measures of a model with one output.

    - GN: mean over the points of ‖∇f(x)‖.
    - FPL: mean over the segments of Σ_k |f(x(t_k)) − f(x(t_{k−1}))| (equation 10).
    - GPL: mean over the segments of Σ_k ‖∇f(x(t_k)) − ∇f(x(t_{k−1}))‖.

    The grid is t_k = k / (n − 1), k = 0 … n − 1. The model is run in inference mode (dropout off,
    batch normalization by its moving averages), in which the samples of a batch are independent.
    ∇f is TensorFlow's gradient: 0 where units are dead, a one-sided choice at a kink. A model is
    tried on some of the segments first (`Function.check`).

    Args:
        model: one number for each input; float32 or float64, Keras on TensorFlow.
        evaluation: points and segments, from `measures.draw_evaluation_points`; its images have the
            shape of the model's inputs, or are flat vectors.
        grid_points: n ≥ 2 of FPL and GPL.
        measures: which of `MEASURES` to compute, one or several; the result has their order.

    Raises:
        UnsupportedModelError: a measure is not defined for the model; the model is not a
            differentiable function of one input to the real numbers, rounds more than float32
            does, or does not take the images.
        ValueError: a measure of another name, or ``grid_points`` < 2.
    """
    check_backend()
    names = [measures] if isinstance(measures, str) else list(measures)
    _check_names(names, model)
    if grid_points < 2:
        raise ValueError(f"a grid needs at least 2 points, got {grid_points}")
    f = Function(model, evaluation.images)
    images = evaluation.images.reshape(len(evaluation.images), -1)
    starts, ends = images[evaluation.starts], images[evaluation.ends]
    values = {}
    with _full_precision():
        f.check(starts, ends)
        if "GN" in names:
            values["GN"] = _gradient_norms(f, images[evaluation.points])
        if "FPL" in names or "GPL" in names:
            values["FPL"], values["GPL"] = _path_lengths(
                f, starts, ends, grid_points, "GPL" in names
            )
    return [Measurement.mean(name, SAMPLED, values[name]) for name in names]


def _check_names(names: list[str], model: keras.Model) -> None:
    for name in names:
        if name in MEASURES:
            continue
        if name in all_measures():
            raise UnsupportedModelError(
                f"{name} is defined for two-layer ReLU networks only, not for the model "
                f"{getattr(model, 'name', model)!r} in general; if it is one, use "
                f"smoothcore.measures.measure(from_keras(model), ...)"
            )
        raise ValueError(f"unknown measure {name!r}: choose among {', '.join(MEASURES)}")


@contextlib.contextmanager
def _full_precision() -> Iterator[None]:
    """Keep a GPU from rounding the factors of float32 products to 11 bits (TensorFloat-32)."""
    import tensorflow as tf

    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


def _gradient_norms(f: Function, x: np.ndarray) -> np.ndarray:
    norms = np.empty(len(x))
    for rows in slices(len(x), function.ROWS_AT_ONCE):
        norms[rows] = np.linalg.norm(f.values_and_gradients(x[rows])[1], axis=1)
    return norms


def _path_lengths(
    f: Function, starts: np.ndarray, ends: np.ndarray, n: int, with_gradients: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return FPL and GPL (NaN without gradients) of each segment."""
    fpl, gpl = np.empty(len(starts)), np.full(len(starts), np.nan)
    t = np.linspace(0, 1, n)[:, None]
    for rows in slices(len(starts), max(1, function.ROWS_AT_ONCE // n)):
        a, b = (x[rows, None].astype(np.float64) for x in (starts, ends))
        path = ((1 - t) * a + t * b).reshape(-1, f.d)  # segment by segment
        if with_gradients:
            values, gradients = f.values_and_gradients(path)
            jumps = np.diff(gradients.reshape(-1, n, f.d), axis=1)
            gpl[rows] = np.linalg.norm(jumps, axis=2).sum(axis=1)
        else:
            values = f.values(path)
        fpl[rows] = np.abs(np.diff(values.reshape(-1, n), axis=1)).sum(axis=1)
    return fpl, gpl
