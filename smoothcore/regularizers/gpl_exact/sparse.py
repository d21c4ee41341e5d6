"""Exact GPL for the engine `sparse`: WP, each unit weighted by how often segments cross its 0."""

import numpy as np

from smoothcore.engines.sparse.shrinking import shrink_columns
from smoothcore.engines.sparse.vectors import fast

SHRINKS = True


@fast
def step(parameters, work, m, rate, lambda_, grid_points):
    """Set the shrinking of W, and add to the move of v."""
    shrink = work.shrink
    half = m // 2
    zero = np.float32(0.0)
    share = np.float32(1.0 / max(half, 1))
    for i in range(shrink.shape[0]):
        shrink[i] = zero
    for s in range(half):
        z_a, z_b = work.z[s], work.z[half + s]
        for i in range(shrink.shape[0]):
            crossed = (z_a[i] > zero) != (z_b[i] > zero)
            shrink[i] += share if crossed else zero
    shrink_columns(parameters, work, np.float32(-rate * lambda_))
