"""GN, FPL and GPL of any differentiable Keras model, by automatic differentiation.

The definitions (§3 of the paper) as they stand, with no use of the model's structure. For the
two-layer network `smoothcore.measures` is exact and more than ten times as fast; this is for models
of any other kind, and to check the closed forms.
"""

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from smoothcore.keras_models.conversion import UnsupportedModelError
from smoothcore.measures import SAMPLED, EvaluationPoints, Measurement

#: the measures defined for every differentiable model
MEASURES = ("GN", "FPL", "GPL")

#: inputs in memory at a time, unless the grid of a single segment has more points
ROWS_AT_ONCE = 4096


def measure(
    model: keras.Model,
    evaluation: EvaluationPoints,
    grid_points: int = 100,
    measures: tuple[str, ...] = MEASURES,
) -> list[Measurement]:
    """Return the sampled measures of a model with one output.

    - GN: mean over the points of ‖∇f(x)‖.
    - FPL: mean over the segments of Σ_k |f(x(t_k)) − f(x(t_{k−1}))| (equation 10).
    - GPL: mean over the segments of Σ_k ‖∇f(x(t_k)) − ∇f(x(t_{k−1}))‖.

    The grid is t_k = k / (n − 1), k = 0 … n − 1. The model is run in inference mode (dropout off,
    batch normalization by its moving averages), in which the samples of a batch are independent.

    Args:
        model: output shape (n,) or (n, 1). Inputs are reshaped to its input shape, so a model of
            28 × 28 × 1 images takes the flat vectors of ``evaluation``.
        evaluation: points and segments of flat vectors, from `measures.draw_evaluation_points`.
        grid_points: n ≥ 2 of FPL and GPL.
        measures: which of `MEASURES` to compute; the result has their order.

    Raises:
        UnsupportedModelError: WP is asked for, the model has several inputs or outputs, or the
            evaluation points do not fit its input.
        ValueError: a measure of another name, or ``grid_points`` < 2.
    """
    if "WP" in measures:
        raise UnsupportedModelError(
            f"WP = Σ_i |v_i| ‖w_i‖ is defined for two-layer ReLU networks only, not for the model "
            f"{model.name!r} in general; if it is one, use keras_model.from_keras and measures"
        )
    if unknown := set(measures) - set(MEASURES):
        raise ValueError(f"unknown measures {sorted(unknown)}: choose among {MEASURES}")
    if grid_points < 2:
        raise ValueError(f"a grid needs at least 2 points, got {grid_points}")
    values = {}
    if "GN" in measures:
        values["GN"] = _gradient_norms(model, evaluation.images[evaluation.points])
    if "FPL" in measures or "GPL" in measures:
        ends = (evaluation.images[rows] for rows in (evaluation.starts, evaluation.ends))
        values["FPL"], values["GPL"] = _path_lengths(model, *ends, grid_points, "GPL" in measures)
    return [Measurement.mean(name, SAMPLED, values[name]) for name in measures]


def values_and_gradients(model: keras.Model, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return f(x) and ∇f(x) at each x of shape (n, d); float64, shapes (n,) and (n, d)."""
    values, gradients = np.empty(len(x)), np.empty(x.shape)
    for rows in _slices(len(x), ROWS_AT_ONCE):
        inputs = tf.constant(x[rows], dtype=_input_dtype(model))
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            f = _output(model, inputs)
        # samples are independent: the gradient of the sum holds the gradient of each
        gradient = tape.gradient(f, inputs, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        values[rows], gradients[rows] = f.numpy(), gradient.numpy()
    return values, gradients


def _values(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """Return f(x) at each x of shape (n, d); float64, shape (n,)."""
    values = np.empty(len(x))
    for rows in _slices(len(x), ROWS_AT_ONCE):
        values[rows] = _output(model, tf.constant(x[rows], dtype=_input_dtype(model))).numpy()
    return values


def _gradient_norms(model: keras.Model, x: np.ndarray) -> np.ndarray:
    norms = np.empty(len(x))
    for rows in _slices(len(x), ROWS_AT_ONCE):
        norms[rows] = np.linalg.norm(values_and_gradients(model, x[rows])[1], axis=1)
    return norms


def _path_lengths(
    model: keras.Model, starts: np.ndarray, ends: np.ndarray, n: int, with_gradients: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return FPL and GPL (NaN without gradients) of each segment."""
    fpl, gpl = np.empty(len(starts)), np.full(len(starts), np.nan)
    t = np.linspace(0, 1, n)[:, None]
    for rows in _slices(len(starts), max(1, ROWS_AT_ONCE // n)):
        a, b = (x[rows, None].astype(np.float64) for x in (starts, ends))
        path = ((1 - t) * a + t * b).reshape(-1, starts.shape[1])  # segment by segment
        if with_gradients:
            f, gradients = values_and_gradients(model, path)
            jumps = np.diff(gradients.reshape(-1, n, starts.shape[1]), axis=1)
            gpl[rows] = np.linalg.norm(jumps, axis=2).sum(axis=1)
        else:
            f = _values(model, path)
        fpl[rows] = np.abs(np.diff(f.reshape(-1, n), axis=1)).sum(axis=1)
    return fpl, gpl


def _slices(length: int, step: int) -> Iterator[slice]:
    return (slice(start, start + step) for start in range(0, length, step))


def _input_dtype(model: keras.Model) -> str:
    """Return the dtype the model's input declares; Keras's default where it declares none."""
    inputs = getattr(model, "inputs", None)
    return inputs[0].dtype if inputs else keras.config.floatx()


def _output(model: keras.Model, x: tf.Tensor) -> tf.Tensor:
    """Return f(x), shape (n,), for flat inputs x of shape (n, d)."""
    if len(getattr(model, "inputs", None) or [x]) > 1:
        raise UnsupportedModelError(f"model {model.name!r} has more than one input")
    shape = tuple(getattr(model, "input_shape", x.shape)[1:])
    if None not in shape:
        if np.prod(shape, dtype=int) != x.shape[1]:
            raise UnsupportedModelError(
                f"model {model.name!r} takes inputs of shape {shape}, but the evaluation points "
                f"have {x.shape[1]} entries"
            )
        x = tf.reshape(x, (-1, *shape))
    f = model(x, training=False)
    if not isinstance(f, tf.Tensor) or tuple(f.shape[1:]) not in ((), (1,)):
        raise UnsupportedModelError(
            f"model {model.name!r} is not a function to the real numbers: its output has shape "
            f"{getattr(model, 'output_shape', getattr(f, 'shape', '(several)'))}"
        )
    return tf.reshape(f, [-1])
