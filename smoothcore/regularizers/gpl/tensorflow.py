"""The gradient of the penalty `GPL` for the engine `tensorflow`."""

from smoothcore.engines.tensorflow.gradients import Gradient, mask, on_grid, scaled, sum_of_norms
from smoothcore.engines.tensorflow.library import tf

#: ∂W involves W itself, also in the rows of pixels that are 0 in every training image
ACTS_ON_ALL_ROWS = True
NEEDS_SEGMENTS = True


def gradient(W_parts, v, z, objective) -> Gradient:
    """Return ∂S of one batch; arguments as in `gradients.weighted_gradient`."""
    _, path = on_grid(z, objective)
    masks = mask(path)
    q = tf.reshape(masks[1:] - masks[:-1], (-1, z.shape[1]))
    return scaled(1 / (z.shape[0] // 2), sum_of_norms(W_parts, v, z, q))
