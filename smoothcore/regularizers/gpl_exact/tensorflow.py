"""The gradient of the penalty `GPL-exact` for the engine `tensorflow`."""

from smoothcore.engines.tensorflow.gradients import Gradient, ends, mask, weighted_path_norm
from smoothcore.engines.tensorflow.library import tf

#: ∂W involves W itself, also in the rows of pixels that are 0 in every training image
ACTS_ON_ALL_ROWS = True
NEEDS_SEGMENTS = True


def gradient(W_parts, v, z, objective) -> Gradient:
    """Return ∂S of one batch; arguments as in `gradients.weighted_gradient`."""
    a, b = ends(z)
    crossed = tf.reduce_mean(tf.abs(mask(a) - mask(b)), axis=0)
    return weighted_path_norm(W_parts, v, z, crossed)
