"""WP for the engine `sparse`: Σ_i |v_i| ‖w_i‖, no data."""

import numpy as np

from smoothcore.engines.sparse.shrinking import shrink_columns
from smoothcore.engines.sparse.vectors import fast

SHRINKS = True


@fast
def step(parameters, work, m, rate, lambda_, grid_points):
    """Set the shrinking of W, and add to the move of v."""
    for i in range(work.shrink.shape[0]):
        work.shrink[i] = np.float32(1.0)
    shrink_columns(parameters, work, np.float32(-rate * lambda_))
