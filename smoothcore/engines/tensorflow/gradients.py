"""What the gradients of the penalties are built from, as TensorFlow graph operations.

Everything is derived from the pre-activations z of the batch, which the training step has anyway
(they are linear along a segment), and from W. Written by hand rather than left to automatic
differentiation: the products that appear are then exactly those named in the comments, and what
happens at 0 is spelled out.
"""

from types import ModuleType
from typing import NamedTuple

import numpy as np

from smoothcore.engines import Objective
from smoothcore.engines.tensorflow.library import tf


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


def zero(W_parts, v, z) -> Gradient:
    """Return the gradient of a constant."""
    return Gradient(tf.zeros_like(z), [tf.zeros_like(W) for W in W_parts], tf.zeros_like(v))


def ends(z):
    """Return z at the first and at the second ends of the batch's segments."""
    half = z.shape[0] // 2
    return z[:half], z[half : 2 * half]


def on_grid(z, objective: Objective):
    """Return t, shape (n, 1, 1), and the pre-activations z(t) on all segments, (n, segments, h)."""
    a, b = ends(z)
    t = tf.constant(np.linspace(0, 1, objective.grid_points, dtype=np.float32)[:, None, None])
    return t, (1 - t) * a + t * b


def mask(z):
    """Return 1[z > 0] as numbers."""
    return tf.cast(z > 0, z.dtype)


def weighted_path_norm(W_parts, v, z, weight) -> Gradient:
    """Gradient of Σ_i weight_i |v_i| ‖w_i‖, with the weights held constant."""
    norm = tf.sqrt(tf.add_n([tf.reduce_sum(W * W, axis=0) for W in W_parts]))
    scale = tf.math.divide_no_nan(weight * tf.abs(v), norm)
    return Gradient(tf.zeros_like(z), [scale * W for W in W_parts], weight * tf.sign(v) * norm)


def sum_of_norms(W_parts, v, z, q) -> Gradient:
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


def scaled(factor: float, gradient: Gradient) -> Gradient:
    """Return a gradient times a number."""
    return Gradient(factor * gradient.z, [factor * W for W in gradient.W], factor * gradient.v)


def weighted_gradient(W_parts, v, z, objective: Objective, penalty: ModuleType | None) -> Gradient:
    """Return λ ∂S for one batch.

    Args:
        W_parts: W cut by rows, list of (d_j, h) with Σ d_j = d.
        v: second-layer weights, (h,).
        z: pre-activations of the batch, (m, h) with m known when the graph is built.
        objective: λ and the settings of the penalty.
        penalty: the module with its ``gradient``; None for λ = 0.
    """
    if penalty is None or (getattr(penalty, "NEEDS_SEGMENTS", False) and z.shape[0] < 2):
        return zero(W_parts, v, z)
    return scaled(objective.lambda_, penalty.gradient(W_parts, v, z, objective))
