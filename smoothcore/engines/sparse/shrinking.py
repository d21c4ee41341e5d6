"""Move by Σ_i p_i |v_i| ‖w_i‖, the p_i held constant: `WP` and exact `GPL`.

Its gradient scales each column of W, which the sweep does while W moves anyway; it also sums the
squares of the new columns for the next step. A module that uses this has ``SHRINKS = True``.
"""

import numpy as np

from smoothcore.engines.sparse.vectors import fast


@fast
def shrink_columns(parameters, work, scale):
    """Turn p_i in work.shrink into what w_i is to be multiplied by; add to the move of v."""
    v, shrink = parameters.v, work.shrink
    zero = np.float32(0.0)
    for i in range(v.shape[0]):
        norm = np.sqrt(work.squared_norm[i])
        weight = scale * shrink[i]
        work.move_v[i] += weight * np.sign(v[i]) * norm
        shrink[i] = zero if norm == zero else weight * abs(v[i]) / norm
