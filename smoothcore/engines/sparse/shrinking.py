"""What the penalties `WP` and `GPL-exact` share: both scale each column of W towards 0.

All gradients are taken at the parameters before the step: a step finishes reading W, β, v before it
moves them, or reads a row of W before that row moves.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from smoothcore.engines.sparse.kernels import (
    add_column_products,
    fast,
    forward_backward,
    move_others,
    sort_by_pixel,
)
from smoothcore.engines.sparse.vectors import WIDTH, add_product_and_rows

#: rows of W that are moved before they enter the norms, while they are still in cache
ROWS = 16


class Buffers(NamedTuple):
    """What the steps keep between their parts."""

    squared_norm: np.ndarray  # (H,) float32: ‖w_i‖² of W as it is now
    shrink: np.ndarray  # (1, H) float32


@fast
def _add_shrinking(parameters, work, m, rate, lambda_, exact_gpl):
    """Set ``shrink`` and add to the move of v: λ Σ_i p_i |v_i| ‖w_i‖.

    p_i is 1 for WP; for GPL-exact the share of the segments on which unit i changes its mask.
    """
    v = parameters.v
    shrink = work.penalty.shrink[0]
    half = m // 2
    for j in range(v.shape[0]):
        shrink[j] = np.float32(0.0) if exact_gpl else np.float32(1.0)
    if exact_gpl and half > 0:
        share = np.float32(1.0 / half)
        for s in range(half):
            z_a, z_b = work.z[s], work.z[half + s]
            for j in range(v.shape[0]):
                crossed = (z_a[j] > np.float32(0.0)) != (z_b[j] > np.float32(0.0))
                shrink[j] += share if crossed else np.float32(0.0)
    scale = np.float32(-rate * lambda_)
    for j in range(v.shape[0]):
        norm = np.sqrt(work.penalty.squared_norm[j])
        weight = scale * shrink[j]
        work.move_v[j] += weight * np.sign(v[j]) * norm
        shrink[j] = weight * abs(v[j]) / norm if norm > np.float32(0.0) else np.float32(0.0)


@fast
def _shrink_and_move_first_layer(parameters, work):
    """Move W by its shrinking and by the moves of z, and sum the squares of its new columns."""
    W = parameters.W
    squared_norm = work.penalty.squared_norm
    for j in range(W.shape[1]):
        squared_norm[j] = np.float32(0.0)
    for p0 in range(0, W.shape[0], ROWS):
        p1 = min(p0 + ROWS, W.shape[0])
        for j in range(0, W.shape[1], WIDTH):
            for p in range(p0, p1):
                add_product_and_rows(
                    W, p, j, work.penalty.shrink, W, p, work.move_z, j,
                    work.sample, work.value, work.first[p], work.first[p + 1],
                )  # fmt: skip
        add_column_products(W, p0, W, p0, p1 - p0, squared_norm)


@fast
def shrinking_step(parameters, images, work, order, begin, end, rate, lambda_, exact_gpl):
    """One update with WP or exact GPL; arguments and value as in `kernels.plain_step`."""
    if begin == 0:  # the norms must not depend on which epochs share a call
        W = parameters.W
        for j in range(W.shape[1]):
            work.penalty.squared_norm[j] = np.float32(0.0)
        add_column_products(W, 0, W, 0, W.shape[0], work.penalty.squared_norm)
    move_c, squared = forward_backward(parameters, images, work, order, begin, end, rate)
    _add_shrinking(parameters, work, end - begin, rate, lambda_, exact_gpl)
    sort_by_pixel(images, work, order, begin, end)
    _shrink_and_move_first_layer(parameters, work)
    move_others(parameters, work, end - begin, move_c)
    return squared


def buffers(m: int, grid_points: int, rows: int, units: int, zeros: Callable) -> Buffers:
    """Return the buffers for batches of m, made with ``zeros(shape)``."""
    return Buffers(squared_norm=zeros((units,)), shrink=zeros((1, units)))
