"""The step of the engine `sparse` with the penalty `FPL`.

The gradient is taken at the parameters before the step: the step finishes reading W, β, v before it
moves them.
"""

import numpy as np

from smoothcore.engines.sparse.kernels import (
    fast,
    forward_backward,
    move_first_layer,
    move_others,
    sort_by_pixel,
)


@fast
def _add_fpl(parameters, work, m, rate, lambda_, grid_points):
    """Add λ × FPL of the batch to the moves of z and v.

    On a segment z is linear in t, so f on the grid needs no product with W, and a gradient at
    z(t) divides into (1 − t) at one end and t at the other.
    """
    half = m // 2
    if half == 0 or grid_points < 2:
        return
    v = parameters.v
    H = v.shape[0]
    zero, one = np.float32(0.0), np.float32(1.0)
    scale = np.float32(-rate * lambda_ / half)
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
                    move_z = move_f * v[j] if z > zero else zero
                    move_a[j] += (one - t) * move_z
                    move_b[j] += t * move_z
                    work.move_v[j] += move_f * z if z > zero else zero
            f_before, sign_before = f, sign


@fast
def step(parameters, images, work, order, begin, end, rate, lambda_, grid_points):
    """One update with FPL; arguments and value as in `kernels.plain_step`."""
    move_c, squared = forward_backward(parameters, images, work, order, begin, end, rate)
    _add_fpl(parameters, work, end - begin, rate, lambda_, grid_points)
    sort_by_pixel(images, work, order, begin, end)
    move_first_layer(parameters, work)
    move_others(parameters, work, end - begin, move_c)
    return squared
