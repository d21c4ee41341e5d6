"""Steps of the `sparse` engine with `FPL`, `WP` and exact `GPL` (§4.3 of the paper).

All gradients are taken at the parameters before the step: a step finishes reading W, β, v before it
moves them, or reads a row of W before that row moves.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from smoothcore.engines.sparse_kernels import (
    fast,
    forward_backward,
    move_first_layer,
    move_others,
    sort_by_pixel,
)
from smoothcore.engines.sparse_vectors import WIDTH, add_product_and_rows

#: rows of W that are moved before they enter the norms, while they are still in cache
ROWS = 16


class ShrinkBuffers(NamedTuple):
    """What `WP` and `GPL-exact` need: both scale each column of W towards 0."""

    squared_norm: np.ndarray  # (H,) float32: ‖w_i‖² of W as it is now
    shrink: np.ndarray  # (1, H) float32


@fast
def add_column_products(A, a, B, b, rows, out):
    """out[j] += Σ_p A[a + p, j] · B[b + p, j], 0 ≤ p < rows; four rows in one pass over out."""
    four = rows // 4 * 4
    for p in range(0, four, 4):
        A0, A1, A2, A3 = A[a + p], A[a + p + 1], A[a + p + 2], A[a + p + 3]
        B0, B1, B2, B3 = B[b + p], B[b + p + 1], B[b + p + 2], B[b + p + 3]
        for j in range(out.shape[0]):
            out[j] += A0[j] * B0[j] + A1[j] * B1[j] + A2[j] * B2[j] + A3[j] * B3[j]
    for p in range(four, rows):
        for j in range(out.shape[0]):
            out[j] += A[a + p, j] * B[b + p, j]


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
def fpl_step(parameters, images, work, order, begin, end, rate, lambda_, grid_points):
    """One update with FPL; arguments and value as in `sparse_kernels.plain_step`."""
    move_c, squared = forward_backward(parameters, images, work, order, begin, end, rate)
    _add_fpl(parameters, work, end - begin, rate, lambda_, grid_points)
    sort_by_pixel(images, work, order, begin, end)
    move_first_layer(parameters, work)
    move_others(parameters, work, end - begin, move_c)
    return squared


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
def _shrinking_step(parameters, images, work, order, begin, end, rate, lambda_, exact_gpl):
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


@fast
def wp_step(parameters, images, work, order, begin, end, rate, lambda_, grid_points):
    """One update with WP; arguments and value as in `sparse_kernels.plain_step`."""
    return _shrinking_step(parameters, images, work, order, begin, end, rate, lambda_, False)


@fast
def exact_gpl_step(parameters, images, work, order, begin, end, rate, lambda_, grid_points):
    """One update with exact GPL; arguments and value as in `sparse_kernels.plain_step`."""
    return _shrinking_step(parameters, images, work, order, begin, end, rate, lambda_, True)


def shrink_buffers(
    m: int, grid_points: int, rows: int, units: int, zeros: Callable
) -> ShrinkBuffers:
    """Return the buffers of the steps of WP and exact GPL, made with ``zeros(shape)``."""
    return ShrinkBuffers(squared_norm=zeros((units,)), shrink=zeros((1, units)))
