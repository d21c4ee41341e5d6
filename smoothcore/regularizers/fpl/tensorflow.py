"""The gradient of the penalty `FPL` for the engine `tensorflow`."""

from smoothcore.engines.tensorflow.gradients import Gradient, mask, on_grid
from smoothcore.engines.tensorflow.library import tf

#: rows of W that belong to pixels which are 0 in every training image get no gradient
ACTS_ON_ALL_ROWS = False
NEEDS_SEGMENTS = True


def gradient(W_parts, v, z, objective) -> Gradient:
    """Return ∂S of one batch; arguments as in `gradients.weighted_gradient`."""
    t, path = on_grid(z, objective)
    hidden = tf.nn.relu(path)
    f = tf.linalg.matvec(hidden, v)  # up to c, which cancels in the differences
    sign = tf.sign(f[1:] - f[:-1]) / float(path.shape[1])
    df = tf.pad(sign, [[1, 0], [0, 0]]) - tf.pad(sign, [[0, 1], [0, 0]])  # (n, segments)
    dpath = df[:, :, None] * mask(path)  # ∂S/∂z(t_k), but for the factor v
    ends = [tf.reduce_sum((1 - t) * dpath, axis=0), tf.reduce_sum(t * dpath, axis=0)]
    unpaired = tf.zeros((z.shape[0] % 2, z.shape[1]), z.dtype)
    return Gradient(
        v * tf.concat([*ends, unpaired], axis=0),
        [tf.zeros_like(W) for W in W_parts],
        tf.reduce_sum(df[:, :, None] * hidden, axis=(0, 1)),
    )
