"""The gradient of the penalty `GN` for the engine `tensorflow`."""

from smoothcore.engines.tensorflow.gradients import Gradient, mask, scaled, sum_of_norms

#: ∂W involves W itself, also in the rows of pixels that are 0 in every training image
ACTS_ON_ALL_ROWS = True


def gradient(W_parts, v, z, objective) -> Gradient:
    """Return ∂S of one batch; arguments as in `gradients.weighted_gradient`."""
    return scaled(1 / z.shape[0], sum_of_norms(W_parts, v, z, mask(z)))
