"""The gradient of the penalty `WP` for the engine `tensorflow`."""

from smoothcore.engines.tensorflow.gradients import Gradient, weighted_path_norm
from smoothcore.engines.tensorflow.library import tf

#: ∂W involves W itself, also in the rows of pixels that are 0 in every training image
ACTS_ON_ALL_ROWS = True


def gradient(W_parts, v, z, objective) -> Gradient:
    """Return ∂S of one batch; arguments as in `gradients.weighted_gradient`."""
    return weighted_path_norm(W_parts, v, z, tf.ones_like(v))
