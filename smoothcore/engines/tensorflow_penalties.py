"""Gradients of the penalties of `smoothcore.regularizers`, as TensorFlow graph operations.

Everything is derived from the pre-activations z of the batch, which the training step has anyway
(they are linear along a segment), and from W. Written by hand rather than left to automatic
differentiation: the products that appear are then exactly those named in the comments, and what
happens at 0 is spelled out.
"""

from typing import NamedTuple

import numpy as np

from smoothcore.engines.tensorflow_import import tf
from smoothcore.regularizers import NONE, ON_SEGMENTS, Objective

#: regularizers whose gradient with respect to W involves W itself, also in the rows of W that
#: belong to pixels which are 0 in every training image
ACTS_ON_ALL_ROWS = ("GN", "GPL", "GPL-exact", "WP")


class Gradient(NamedTuple):
    """∂S with respect to the parameters, for a batch of m samples.

    Attributes:
        z: what reaches W and β through the pre-activations of the batch, shape (m, h).
        W: what reaches W directly, one tensor per part of W.
        v: shape (h,).
    """

    z: tf.Tensor
    W: list[tf.Tensor]
    v: tf.Tensor


def _zero(W_parts, v, z) -> Gradient:
    return Gradient(tf.zeros_like(z), [tf.zeros_like(W) for W in W_parts], tf.zeros_like(v))


def _ends(z):
    """Return z at the first and at the second ends of the batch's segments."""
    half = z.shape[0] // 2
    return z[:half], z[half : 2 * half]


def _on_grid(z, objective: Objective):
    """Return t, shape (n, 1, 1), and the pre-activations z(t) on all segments, (n, segments, h)."""
    a, b = _ends(z)
    t = tf.constant(np.linspace(0, 1, objective.grid_points, dtype=np.float32)[:, None, None])
    return t, (1 - t) * a + t * b


def _mask(z):
    return tf.cast(z > 0, z.dtype)


def _weighted_path_norm(W_parts, v, z, weight) -> Gradient:
    """Gradient of Σ_i weight_i |v_i| ‖w_i‖, with the weights held constant."""
    norm = tf.sqrt(tf.add_n([tf.reduce_sum(W * W, axis=0) for W in W_parts]))
    scale = tf.math.divide_no_nan(weight * tf.abs(v), norm)
    return Gradient(tf.zeros_like(z), [scale * W for W in W_parts], weight * tf.sign(v) * norm)


def _sum_of_norms(W_parts, v, z, q) -> Gradient:
    """Gradient of Σ_r ‖W (v ⊙ q_r)‖ over the rows of the constant q (rows, h).

    With D the rows W (v ⊙ q_r) and D̂ the same scaled to length 1, U = D̂ᵀ q (d, h) gives both
    ∂W = U ⊙ v and ∂v_i = ⟨w_i, U_i⟩: two products, D and U.
    """
    D_parts = [tf.matmul(q * v, W, transpose_b=True) for W in W_parts]
    squared = tf.add_n([tf.reduce_sum(D * D, axis=1, keepdims=True) for D in D_parts])
    inverse = tf.math.divide_no_nan(tf.ones_like(squared), tf.sqrt(squared))
    U_parts = [tf.matmul(D * inverse, q, transpose_a=True) for D in D_parts]
    return Gradient(
        tf.zeros_like(z),
        [U * v for U in U_parts],
        tf.add_n([tf.reduce_sum(W * U, axis=0) for W, U in zip(W_parts, U_parts, strict=True)]),
    )


def _gn(W_parts, v, z, objective) -> Gradient:
    return _scaled(1 / z.shape[0], _sum_of_norms(W_parts, v, z, _mask(z)))


def _gpl(W_parts, v, z, objective) -> Gradient:
    _, path = _on_grid(z, objective)
    mask = _mask(path)
    q = tf.reshape(mask[1:] - mask[:-1], (-1, z.shape[1]))
    return _scaled(1 / (z.shape[0] // 2), _sum_of_norms(W_parts, v, z, q))


def _gpl_exact(W_parts, v, z, objective) -> Gradient:
    a, b = _ends(z)
    crossed = tf.reduce_mean(tf.abs(_mask(a) - _mask(b)), axis=0)
    return _weighted_path_norm(W_parts, v, z, crossed)


def _wp(W_parts, v, z, objective) -> Gradient:
    return _weighted_path_norm(W_parts, v, z, tf.ones_like(v))


def _fpl(W_parts, v, z, objective) -> Gradient:
    t, path = _on_grid(z, objective)
    hidden = tf.nn.relu(path)
    f = tf.linalg.matvec(hidden, v)  # up to c, which cancels in the differences
    sign = tf.sign(f[1:] - f[:-1]) / float(path.shape[1])
    df = tf.pad(sign, [[1, 0], [0, 0]]) - tf.pad(sign, [[0, 1], [0, 0]])  # (n, segments)
    dpath = df[:, :, None] * _mask(path)  # ∂S/∂z(t_k), but for the factor v
    ends = [tf.reduce_sum((1 - t) * dpath, axis=0), tf.reduce_sum(t * dpath, axis=0)]
    unpaired = tf.zeros((z.shape[0] % 2, z.shape[1]), z.dtype)
    return Gradient(
        v * tf.concat([*ends, unpaired], axis=0),
        [tf.zeros_like(W) for W in W_parts],
        tf.reduce_sum(df[:, :, None] * hidden, axis=(0, 1)),
    )


def _scaled(factor: float, gradient: Gradient) -> Gradient:
    return Gradient(factor * gradient.z, [factor * W for W in gradient.W], factor * gradient.v)


_GRADIENTS = {"GN": _gn, "FPL": _fpl, "GPL": _gpl, "GPL-exact": _gpl_exact, "WP": _wp}


def weighted_gradient(W_parts, v, z, objective: Objective) -> Gradient:
    """Return λ ∂S for one batch.

    Args:
        W_parts: W cut by rows, list of (d_j, h) with Σ d_j = d.
        v: second-layer weights, (h,).
        z: pre-activations of the batch, (m, h) with m known when the graph is built.
        objective: names the penalty and its settings.
    """
    on_segments = objective.regularizer in ON_SEGMENTS
    if objective.regularizer == NONE or (on_segments and z.shape[0] < 2):
        return _zero(W_parts, v, z)
    return _scaled(objective.lambda_, _GRADIENTS[objective.regularizer](W_parts, v, z, objective))
