"""The step of the `sparse` engine with the penalty `GN`; two dense products, the rest is sparse."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from smoothcore.engines.sparse.gradients import move_rows, prepare_factor
from smoothcore.engines.sparse.kernels import (
    add_column_products,
    fast,
    forward_backward,
    move_others,
    sort_by_pixel,
)

#: its dense products are BLAS calls from inside the compiled loop
USES_BLAS = True

#: rows of W for which U is made at a time
ROWS = 112


class Buffers(NamedTuple):
    """m is the batch size; all float32."""

    mask: np.ndarray  # (m, H)
    gradient: np.ndarray  # (D · m,): ∇f of the batch, transposed
    squared_norm: np.ndarray  # (m,)
    U: np.ndarray  # (ROWS, H)
    product: np.ndarray  # (H,): Σ_p W_p ⊙ U_p
    factor: np.ndarray  # (1, H): what U is to be multiplied by


@fast
def step(parameters, images, work, order, begin, end, rate, lambda_, grid_points):
    """One update with GN; arguments and value as in `kernels.plain_step`."""
    W, v = parameters.W, parameters.v
    D, H = W.shape
    m = end - begin
    zero = np.float32(0.0)
    mask = work.penalty.mask[:m]
    gradient = work.penalty.gradient[: D * m].reshape((D, m))
    squared_norm = work.penalty.squared_norm[:m]
    move_c, squared = forward_backward(parameters, images, work, order, begin, end, rate)
    sort_by_pixel(images, work, order, begin, end)
    scale = np.float32(-rate * lambda_ / m)
    prepare_factor(parameters, work, scale)
    for r in range(m):
        for j in range(H):
            mask[r, j] = v[j] if work.z[r, j] > zero else zero
        squared_norm[r] = zero
    np.dot(W, mask.T, gradient)
    add_column_products(gradient, 0, gradient, 0, D, squared_norm)
    for r in range(m):
        norm = np.sqrt(squared_norm[r])
        inverse = np.float32(1.0) / norm if norm > zero else zero
        for j in range(H):
            mask[r, j] = inverse if work.z[r, j] > zero else zero
    for p0 in range(0, D, ROWS):
        p1 = min(p0 + ROWS, D)
        np.dot(gradient[p0:p1], mask, work.penalty.U[: p1 - p0])
        move_rows(parameters, work, p0, p1)
    for j in range(H):
        work.move_v[j] += scale * work.penalty.product[j]
    move_others(parameters, work, m, move_c)
    return squared


def buffers(m: int, grid_points: int, rows: int, units: int, zeros: Callable) -> Buffers:
    """Return the buffers for batches of m, made with ``zeros(shape, dtype=float32)``."""
    return Buffers(
        mask=zeros((m, units)),
        gradient=zeros((rows * m,)),
        squared_norm=zeros((m,)),
        U=zeros((ROWS, units)),
        product=zeros((units,)),
        factor=zeros((1, units)),
    )
