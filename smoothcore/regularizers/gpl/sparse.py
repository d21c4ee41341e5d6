"""GPL, sampled, for the engine `sparse`: Σ_k ‖W (v ⊙ (m(t_k) − m(t_{k−1})))‖ on each segment.

On a segment every unit crosses 0 at most once, so the difference of the masks at the ends of a cell
of the grid has an entry for the few units that cross in it, and many cells have none.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from smoothcore.engines.sparse.norms import Norms, make_norms, move_by_norms
from smoothcore.engines.sparse.plain import Sizes
from smoothcore.engines.sparse.vectors import fast


class Buffers(NamedTuple):
    """A row of ``norms`` is a cell of the grid of a segment in which some units cross."""

    norms: Norms
    cell: np.ndarray  # (H,) uint32: where each unit would cross
    unit: np.ndarray  # (H + 1,) uint32: the units that cross, in order
    count: np.ndarray  # type: ignore[assignment]  # (cells,) uint32; hides a method


def buffers(sizes: Sizes, zeros: Callable) -> Buffers:
    """Return the buffers for m / 2 segments, on each of which all units may cross."""
    segments, cells = sizes.m // 2, max(sizes.grid_points - 1, 0)
    rows = segments * min(cells, sizes.H)
    return Buffers(
        norms=make_norms(rows, sizes.H, sizes, segments * sizes.H, zeros),
        cell=zeros((sizes.H,), np.uint32),
        unit=zeros((sizes.H + 1,), np.uint32),
        count=zeros((cells,), np.uint32),
    )


@fast
def _find_crossings(z_a, z_b, cells, cell, unit):
    """Set ``cell`` and ``unit``; return how many units cross 0 between the ends z_a and z_b.

    A mask is z(t) > 0, so a unit with z_a > 0 is switched off at the first t_k ≥ t*, one with
    z_b > 0 is switched on at the first t_k > t*, where z(t*) = 0.
    """
    zero, one = np.float32(0.0), np.float32(1.0)
    cells = np.float32(cells)
    for i in range(cell.shape[0]):
        a, b = z_a[i], z_b[i]
        at = cells * (a / (a - b))
        last = np.ceil(at) - one if a > zero else np.floor(at)
        # in this form a NaN, which infinite ends lead to, becomes a cell too
        last = last if last < cells else cells - one
        cell[i] = np.uint32(last if last > zero else zero)
    crossing = np.uint32(0)
    for i in range(cell.shape[0]):
        unit[crossing] = i
        # appended, and then counted only if it crosses: no branch to mispredict
        crossing += np.uint32((z_a[i] > zero) != (z_b[i] > zero))
    return crossing


@fast
def step(parameters, work, m, rate, lambda_, grid_points):
    """Move W by the penalty, and add to the move of v."""
    norms, cell, unit, count = work.penalty
    cells = grid_points - 1
    half = m // 2 if cells > 0 else 0
    zero, one = np.float32(0.0), np.float32(1.0)
    total, row = np.uint32(0), 0
    for s in range(half):
        z_a, z_b = work.z[s], work.z[half + s]
        crossing = _find_crossings(z_a, z_b, cells, cell, unit)
        for k in range(cells):
            count[k] = np.uint32(0)
        for e in range(crossing):
            count[cell[unit[e]]] += np.uint32(1)
        for k in range(cells):
            entries = count[k]
            count[k] = total
            norms.first[row] = total
            total += entries
            row += 1 if entries > 0 else 0
        for e in range(crossing):
            i = unit[e]
            at = count[cell[i]]
            count[cell[i]] = at + np.uint32(1)
            norms.unit[at] = i
            norms.sign[at] = one if z_b[i] > zero else -one
    norms.first[row] = total
    move_by_norms(parameters, work, norms, row, np.float32(-rate * lambda_ / max(half, 1)))
