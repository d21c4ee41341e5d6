"""The step of the engine `sparse` with the penalty `WP`."""

from smoothcore.engines.sparse.kernels import fast
from smoothcore.engines.sparse.shrinking import buffers, shrinking_step

__all__ = ["buffers", "step"]


@fast
def step(parameters, images, work, order, begin, end, rate, lambda_, grid_points):
    """One update with WP; arguments and value as in `kernels.plain_step`."""
    return shrinking_step(parameters, images, work, order, begin, end, rate, lambda_, False)
