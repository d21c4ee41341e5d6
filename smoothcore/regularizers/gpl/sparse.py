"""The step of the `sparse` engine with the sampled penalty `GPL`.

On a segment every unit crosses 0 at most once, so the difference of the masks at the ends of a cell
of the grid has an entry for the few units that cross in it: both products are sums of few rows.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from smoothcore.engines.sparse.gradients import move_rows, prepare_factor
from smoothcore.engines.sparse.kernels import fast, forward_backward, move_others, sort_by_pixel
from smoothcore.engines.sparse.vectors import TILE, WIDTH, set_rows, transpose_tile

NO_CELL = 0xFFFFFFFF


class Buffers(NamedTuple):
    """C = segments · cells of the grid, in this order; an entry is a unit crossing 0 in a cell."""

    cell: np.ndarray  # (segments, H) uint32: where each unit crosses, NO_CELL if it does not
    cell_first: np.ndarray  # (C + 1,) uint32: the entries of each cell
    cell_unit: np.ndarray  # uint32, their units
    cell_weight: np.ndarray  # float32, v of the unit, or −v if it is switched off
    unit_first: np.ndarray  # (H + 1,) uint32: the same entries unit by unit
    unit_cell: np.ndarray  # uint32
    unit_weight: np.ndarray  # float32, ±1 / ‖u‖
    transposed: np.ndarray  # (H, WIDTH) float32: some rows of W, or of U, as columns
    u: np.ndarray  # (⌈D / WIDTH⌉ · C, WIDTH) float32: W (v ⊙ q), WIDTH rows of W after the other
    squared_norm: np.ndarray  # (C,) float32
    U: np.ndarray  # (WIDTH, H) float32
    product: np.ndarray  # (H,) float32: Σ_p W_p ⊙ U_p
    factor: np.ndarray  # (1, H) float32: what U is to be multiplied by


@fast
def _find_crossings(work, half, grid_points):
    """Set cell: the cell of the grid in which each unit crosses 0 on each segment.

    A mask is z(t) > 0, so a unit with z(a) > 0 is switched off at the first t_k ≥ t*, one with
    z(b) > 0 is switched on at the first t_k > t*, where z(t*) = 0.
    """
    zero = np.float32(0.0)
    cells = np.float32(grid_points - 1)
    for s in range(half):
        z_a, z_b, cell = work.z[s], work.z[half + s], work.penalty.cell[s]
        for j in range(cell.shape[0]):
            a, b = z_a[j], z_b[j]
            crossed = (a > zero and b <= zero) or (a <= zero and b > zero)
            at = cells * (a / (a - b)) if crossed else zero
            last = np.ceil(at) - np.float32(1.0) if a > zero else np.floor(at)
            # in this form a NaN, which infinite ends lead to, becomes a cell too
            last = last if last < cells else cells - np.float32(1.0)
            last = last if last > zero else zero
            cell[j] = np.uint32(last) if crossed else np.uint32(NO_CELL)


@fast
def _sort_by_cell(parameters, work, half, cells):
    """Set cell_first, cell_unit, cell_weight, and in unit_first[i + 1] the entries of unit i."""
    penalty, v = work.penalty, parameters.v
    H = v.shape[0]
    one = np.uint32(1)
    for i in range(H + 1):
        penalty.unit_first[i] = np.uint32(0)
    total = np.uint32(0)
    for s in range(half):
        cell = penalty.cell[s]
        first = penalty.cell_first[s * cells : (s + 1) * cells + 1]
        for k in range(cells + 1):
            first[k] = np.uint32(0)
        for j in range(H):
            if cell[j] != NO_CELL:
                first[cell[j]] += one
        for k in range(cells):
            count = first[k]
            first[k] = total
            total += count
        for j in range(H):
            if cell[j] != NO_CELL:
                at = first[cell[j]]
                first[cell[j]] = at + one
                penalty.cell_unit[at] = j
                penalty.cell_weight[at] = v[j] if work.z[half + s, j] > np.float32(0.0) else -v[j]
                penalty.unit_first[j + 1] += one
    for c in range(half * cells, 0, -1):  # each has been moved to where the next one starts
        penalty.cell_first[c] = penalty.cell_first[c - 1]
    penalty.cell_first[0] = np.uint32(0)


@fast
def _sort_by_unit(work, half, cells):
    """Set unit_first, unit_cell, unit_weight from the crossings and the norms."""
    penalty = work.penalty
    first = penalty.unit_first
    H = first.shape[0] - 1
    zero, one = np.float32(0.0), np.float32(1.0)
    for j in range(H):
        first[j + 1] += first[j]
    for j in range(H, 0, -1):
        first[j] = first[j - 1]
    for c in range(half * cells):
        norm = np.sqrt(penalty.squared_norm[c])
        inverse = one / norm if norm > zero else zero
        for e in range(penalty.cell_first[c], penalty.cell_first[c + 1]):
            j = penalty.cell_unit[e]
            at = first[j + 1]
            first[j + 1] = at + np.uint32(1)
            penalty.unit_cell[at] = c
            on = work.z[half + c // cells, j] > zero
            penalty.unit_weight[at] = inverse if on else -inverse


@fast
def _sum_gradients(parameters, work, all_cells):
    """Set u = W (v ⊙ q) of every cell and the squares of their norms."""
    W, penalty = parameters.W, work.penalty
    D, H = W.shape
    for c in range(all_cells):
        penalty.squared_norm[c] = np.float32(0.0)
    for p0 in range(0, D, WIDTH):
        p1 = min(p0 + WIDTH, D)
        for j in range(0, H, TILE):
            for p in range(p0, p1, TILE):
                transpose_tile(W, p, j, penalty.transposed, j, p - p0)
        base = p0 // WIDTH * all_cells
        for c in range(all_cells):
            set_rows(
                penalty.u, base + c, 0, penalty.transposed, 0,
                penalty.cell_unit, penalty.cell_weight,
                penalty.cell_first[c], penalty.cell_first[c + 1],
            )  # fmt: skip
            u = penalty.u[base + c]
            total = np.float32(0.0)
            for k in range(p1 - p0):
                total += u[k] * u[k]
            penalty.squared_norm[c] += total


@fast
def step(parameters, images, work, order, begin, end, rate, lambda_, grid_points):
    """One update with sampled GPL; arguments and value as in `kernels.plain_step`."""
    W, penalty = parameters.W, work.penalty
    D, H = W.shape
    m = end - begin
    half = m // 2 if grid_points > 1 else 0
    cells = grid_points - 1
    all_cells = half * cells
    move_c, squared = forward_backward(parameters, images, work, order, begin, end, rate)
    sort_by_pixel(images, work, order, begin, end)
    _find_crossings(work, half, grid_points)
    _sort_by_cell(parameters, work, half, cells)
    _sum_gradients(parameters, work, all_cells)
    _sort_by_unit(work, half, cells)
    scale = np.float32(-rate * lambda_ / max(half, 1))
    prepare_factor(parameters, work, scale)
    for p0 in range(0, D, WIDTH):
        p1 = min(p0 + WIDTH, D)
        base = p0 // WIDTH * all_cells
        u = penalty.u[base : base + all_cells]
        for i in range(H):
            set_rows(
                penalty.transposed, i, 0, u, 0,
                penalty.unit_cell, penalty.unit_weight,
                penalty.unit_first[i], penalty.unit_first[i + 1],
            )  # fmt: skip
        for p in range(p0, p1, TILE):
            for j in range(0, H, TILE):
                transpose_tile(penalty.transposed, j, p - p0, penalty.U, p - p0, j)
        move_rows(parameters, work, p0, p1)
    for j in range(H):
        work.move_v[j] += scale * penalty.product[j]
    move_others(parameters, work, m, move_c)
    return squared


def buffers(m: int, grid_points: int, rows: int, units: int, zeros: Callable) -> Buffers:
    """Return the buffers for batches of m, made with ``zeros(shape, dtype=float32)``."""
    segments = m // 2
    cells = segments * max(grid_points - 1, 0)
    entries = segments * units
    return Buffers(
        cell=zeros((segments, units), np.uint32),
        cell_first=zeros((cells + 1,), np.uint32),
        cell_unit=zeros((entries,), np.uint32),
        cell_weight=zeros((entries,)),
        unit_first=zeros((units + 1,), np.uint32),
        unit_cell=zeros((entries,), np.uint32),
        unit_weight=zeros((entries,)),
        transposed=zeros((units, WIDTH)),
        u=zeros((-(-rows // WIDTH) * cells, WIDTH)),
        squared_norm=zeros((cells,)),
        U=zeros((WIDTH, units)),
        product=zeros((units,)),
        factor=zeros((1, units)),
    )
