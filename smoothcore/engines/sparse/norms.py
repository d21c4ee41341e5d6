"""Move by a mean of norms ‖W (v ⊙ q)‖ over few-entried rows q of −1, 0, 1: `GN` and sampled `GPL`.

q is the mask of an image for GN, and the difference of two masks for GPL. With the unit vectors
û = W (v ⊙ q) / ‖·‖ and U = Σ û ⊗ q, (D, H), the gradient is U ⊙ v with respect to W and
Σ_p W_p ⊙ U_p with respect to v. Both products are sums over the entries of q. They are made for
`ROWS` pixels at a time, with W transposed: û then is a sum of rows, one for each unit of q, and a
column of U a sum of û, one for each q that has the unit.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from smoothcore.engines.sparse.plain import BLOCK, Sizes
from smoothcore.engines.sparse.rows import TILE, move_by_tile, set_row_sum, transpose_tile
from smoothcore.engines.sparse.vectors import ROWS, UNITS, fast


class Norms(NamedTuple):
    """Rows q, and what is needed to move by their norms. The penalty sets the first four.

    Entries are in the order of blocks of units, then rows, then units: those of row c in block b
    are first[b · rows + c] … first[b · rows + c + 1] − 1.

    Rows that have much in common only say in what they differ: the first rows can be bases, whose
    own norms do not count. Base k is part of the rows members[k] … members[k + 1] − 1.
    """

    first: np.ndarray  # (blocks · rows + 1,) uint32
    unit: np.ndarray  # uint32
    sign: np.ndarray  # float32, the entry of q, ±1
    members: np.ndarray  # (bases + 1,) uint32
    weight: np.ndarray  # float32, v of the unit · sign
    place: np.ndarray  # uint32, of the unit in its block
    unit_first: np.ndarray  # (H + 2,) uint32: the same entries unit by unit
    unit_row: np.ndarray  # uint32
    unit_weight: np.ndarray  # float32, sign / ‖W (v ⊙ q)‖; of a base its sign
    row: np.ndarray  # (rows,) uint32: 0, 1, 2, …
    ones: np.ndarray  # (bases,) float32
    columns: np.ndarray  # (units of a block, ROWS) float32: a tile of W, transposed
    u: np.ndarray  # (D / ROWS · rows, ROWS) float32: W (v ⊙ q), tile after tile; of a base, then
    # the sum of the û of its members
    inverse: np.ndarray  # (rows,) float32: 1 / ‖W (v ⊙ q)‖; the square of the norm before
    factor: np.ndarray  # (H,) float32: scale · v
    product: np.ndarray  # (H,) float32: Σ_p W_p ⊙ U_p


def make_norms(
    rows: int, block: int, sizes: Sizes, entries: int, zeros: Callable, bases: int = 0
) -> Norms:
    """Return the buffers for ``rows`` rows q with ``entries`` entries, made with ``zeros``.

    With ``block`` units at a time, their weights of `ROWS` pixels fit into the fastest cache if
    there are few; each û is then read and written for every block, which pays if q is not sparse.
    """
    row, ones = zeros((rows,), np.uint32), zeros((bases,))
    row[:], ones[:] = np.arange(rows), 1
    return Norms(
        first=zeros((sizes.H // block * rows + 1,), np.uint32),
        # one more: entries are appended first and counted after
        unit=zeros((entries + 1,), np.uint32),
        sign=zeros((entries + 1,)),
        members=zeros((bases + 1,), np.uint32),
        weight=zeros((entries,)),
        place=zeros((entries,), np.uint32),
        unit_first=zeros((sizes.H + 2,), np.uint32),
        unit_row=zeros((entries,), np.uint32),
        unit_weight=zeros((entries,)),
        row=row,
        ones=ones,
        columns=zeros((block, ROWS)),
        u=zeros((sizes.D // ROWS * rows, ROWS)),
        inverse=zeros((rows,)),
        factor=zeros((sizes.H,)),
        product=zeros((sizes.H,)),
    )


@fast
def _transpose(W, p, i, columns):
    """Copy pixels p … of W and units i … to ``columns``, as many as it holds."""
    for begin in range(0, columns.shape[0], UNITS):
        block = W[(i + begin) // UNITS]
        # in the order in which W is stored
        for k in range(0, ROWS, TILE):
            for j in range(0, UNITS, TILE):
                transpose_tile(block, p + k, j, columns, begin + j, k)


@fast
def _set_rows(parameters, norms, rows):
    """Set u = W (v ⊙ q) of every row q, and the squares of their norms."""
    W, v = parameters.W, parameters.v
    units = norms.columns.shape[0]
    blocks = v.shape[0] // units
    for e in range(norms.first[blocks * rows]):
        norms.weight[e] = v[norms.unit[e]] * norms.sign[e]
        norms.place[e] = norms.unit[e] % units
    for c in range(rows):
        norms.inverse[c] = np.float32(0.0)
    bases = norms.ones.shape[0]
    for p in range(0, W.shape[1], ROWS):
        tile = p // ROWS * rows
        for b in range(blocks):
            _transpose(W, p, b * units, norms.columns)
            for c in range(rows):
                at = b * rows + c
                squared = set_row_sum(
                    norms.u, tile + c, b > 0, norms.columns, 0, norms.place, norms.weight,
                    norms.first[at], norms.first[at + 1],
                )  # fmt: skip
                if bases == 0 and b == blocks - 1:
                    norms.inverse[c] += squared
        for k in range(bases):
            for c in range(norms.members[k], norms.members[k + 1]):
                norms.inverse[c] += set_row_sum(
                    norms.u, tile + c, True, norms.u, tile, norms.row, norms.ones, k, k + 1
                )


@fast
def _sort_by_unit(norms, rows, blocks):
    """Set unit_first, unit_row, unit_weight."""
    first = norms.unit_first
    one, zero = np.float32(1.0), np.float32(0.0)
    for k in range(first.shape[0]):
        first[k] = np.uint32(0)
    for e in range(norms.first[blocks * rows]):
        first[norms.unit[e] + 2] += np.uint32(1)
    for k in range(2, first.shape[0]):
        first[k] += first[k - 1]
    for c in range(rows):
        norm = np.sqrt(norms.inverse[c])
        norms.inverse[c] = zero if norm == zero else one / norm
    for k in range(norms.ones.shape[0]):
        norms.inverse[k] = one
    # first[i + 1] is where the next entry of unit i goes: in the end, where those of i + 1 begin
    for b in range(blocks):
        for c in range(rows):
            at = b * rows + c
            for e in range(norms.first[at], norms.first[at + 1]):
                i = norms.unit[e]
                to = first[i + 1]
                first[i + 1] = to + np.uint32(1)
                norms.unit_row[to] = c
                norms.unit_weight[to] = norms.sign[e] * norms.inverse[c]


@fast
def move_by_norms(parameters, work, norms, rows, scale):
    """Move W, and add to the move of v, by ``scale`` times the gradient of Σ ‖W (v ⊙ q)‖."""
    W, v = parameters.W, parameters.v
    H, units = v.shape[0], norms.columns.shape[0]
    _set_rows(parameters, norms, rows)
    _sort_by_unit(norms, rows, H // units)
    first = norms.unit_first
    for i in range(H):
        norms.product[i] = np.float32(0.0)
        norms.factor[i] = scale * v[i]
    for p in range(0, W.shape[1], ROWS):
        tile = p // ROWS * rows
        for k in range(norms.ones.shape[0]):
            set_row_sum(
                norms.u, tile + k, False, norms.u, tile, norms.row, norms.inverse,
                norms.members[k], norms.members[k + 1],
            )  # fmt: skip
        for begin in range(0, H, BLOCK):
            for j in range(BLOCK):
                set_row_sum(
                    norms.columns, j, False, norms.u, tile, norms.unit_row, norms.unit_weight,
                    first[begin + j], first[begin + j + 1],
                )  # fmt: skip
            for k in range(0, ROWS, TILE):
                for j in range(0, BLOCK, TILE):
                    i = begin + j
                    move_by_tile(
                        norms.columns, j, k, W[i // UNITS], p + k, i % UNITS,
                        norms.factor, norms.product, i,
                    )  # fmt: skip
    for i in range(H):
        work.move_v[i] += scale * norms.product[i]
