"""FPL for the engine `sparse`: Σ_k |f(t_k) − f(t_{k−1})| on each segment.

On a segment z is linear in t, so f on the grid needs no product with W, and a gradient at z(t)
divides into (1 − t) at one end and t at the other.
"""

import numpy as np

from smoothcore.engines.sparse.vectors import fast


@fast
def step(parameters, work, m, rate, lambda_, grid_points):
    """Add to the moves of z and v."""
    half = m // 2 if grid_points > 1 else 0
    v = parameters.v
    H = v.shape[0]
    zero, one = np.float32(0.0), np.float32(1.0)
    scale = np.float32(-rate * lambda_ / max(half, 1))
    for s in range(half):
        z_a, z_b = work.z[s], work.z[half + s]
        move_a, move_b = work.move_z[s], work.move_z[half + s]
        f_before = sign_before = zero
        # f(t_{k−1}) takes part in the differences k − 1 and k: its gradient is known at k
        for k in range(grid_points + 1):
            f, sign = zero, zero
            if k < grid_points:
                t = np.float32(k / (grid_points - 1))
                for j in range(H):
                    z = z_a[j] + t * (z_b[j] - z_a[j])
                    f += v[j] * (zero if z <= zero else z)
                if k > 0:
                    sign = np.sign(f - f_before)
            if sign_before != sign:
                t = np.float32((k - 1) / (grid_points - 1))
                move_f = scale * (sign_before - sign)
                for j in range(H):
                    z = z_a[j] + t * (z_b[j] - z_a[j])
                    # both products first: a choice between values needs no branch
                    by_v, by_z = move_f * v[j], move_f * z
                    move_z = by_v if z > zero else zero
                    move_a[j] += (one - t) * move_z
                    move_b[j] += t * move_z
                    work.move_v[j] += by_z if z > zero else zero
            f_before, sign_before = f, sign
