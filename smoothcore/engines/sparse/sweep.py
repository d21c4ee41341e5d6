"""One sweep over W: the update of a step and the pre-activations of the next one.

W does not fit into the fast cache. For some units at a time, the update of a step and what these
units are at the next batch need nothing of the other units, so both are done while a weight is in
registers; a step reads and writes W once. W is kept in blocks of `UNITS` units for it.
"""

import functools
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from smoothcore.engines.sparse import llvm
from smoothcore.engines.sparse.llvm import FLOAT, SIZE
from smoothcore.engines.sparse.vectors import PIXELS, UNITS, fast


class Entries(NamedTuple):
    """The groups of `PIXELS` pixels of a batch's images that are not all 0, group by group."""

    first: np.ndarray  # (groups + 1,) uint32: entries first[g] … first[g + 1] − 1 are of group g
    offset: np.ndarray  # uint32: where the rows of the image begin in z and in its moves
    value: np.ndarray  # (PIXELS · entries,) float32


@functools.cache
def _sweep_group(shrinks: bool):
    """Return the intrinsic that moves the weights of a pixel group and takes them one step on.

    ``group(W, p, move, z, column, entries before (offset, value, start, stop), entries after
    (the same), pending, shrink, squared_norm)``: for u < PIXELS, with w_u = W[p + u], a row of
    UNITS floats, and [·] the UNITS units from ``column`` on,

    - w_u += Σ_e value[e, u] · move[offset[e]] over the entries before; if ``shrinks`` and
      ``pending``, shrink · w_u is in the sum;
    - squared_norm += w_u², if ``shrinks``;
    - z[offset[e]] += Σ_u value[e, u] · w_u for every entry after.
    """
    vector = ir.VectorType(FLOAT, UNITS)

    def codegen(context, builder, signature, args):
        W, move, z, offset0, value0, offset1, value1, shrink, norm = (
            llvm.array(context, builder, signature, args, k) for k in (0, 2, 3, 5, 6, 9, 10, 14, 15)
        )
        p, column, start0, stop0, start1, stop1, pending = (
            args[k] for k in (1, 4, 7, 8, 11, 12, 13)
        )
        size = p.type
        group = range(PIXELS)

        def scaled(value, e, u):
            at = builder.add(builder.mul(e, size(PIXELS)), size(u))
            return llvm.splat(builder, builder.load(builder.gep(value.data, [at])), vector)

        def units(array, offset, e):
            at = builder.add(llvm.load_index(builder, offset, e, size), column)
            return llvm.at(builder, array, at, vector)

        rows = [llvm.at(builder, W, builder.mul(builder.add(p, size(u)), size(UNITS)), vector)
                for u in group]  # fmt: skip
        weights = [cgutils.alloca_once(builder, vector) for _ in group]
        sums = [cgutils.alloca_once(builder, vector) for _ in group]
        for u in group:
            builder.store(builder.load(rows[u], align=4), weights[u])
        moves = builder.icmp_signed("<", start0, stop0)
        if shrinks:
            moves = builder.icmp_signed("!=", pending, size(0))
        with builder.if_then(moves):
            llvm.set_zero(builder, sums, vector)
            with llvm.each(builder, start0, stop0) as (e, _):
                move_z = builder.load(units(move, offset0, e), align=4)
                for u in group:
                    total = llvm.multiply_add(
                        builder, scaled(value0, e, u), move_z, builder.load(sums[u])
                    )
                    builder.store(total, sums[u])
            for u in group:
                weight, total = builder.load(weights[u]), builder.load(sums[u])
                if shrinks:
                    factor = builder.load(llvm.at(builder, shrink, column, vector), align=4)
                    total = llvm.multiply_add(builder, factor, weight, total)
                moved = builder.fadd(weight, total)
                builder.store(moved, weights[u])
                builder.store(moved, rows[u], align=4)
        weights = [builder.load(weight) for weight in weights]
        if shrinks:
            place = llvm.at(builder, norm, column, vector)
            total = builder.load(place, align=4)
            for weight in weights:
                total = llvm.multiply_add(builder, weight, weight, total)
            builder.store(total, place, align=4)
        with llvm.each(builder, start1, stop1) as (e, _):
            place = units(z, offset1, e)
            total = builder.load(place, align=4)
            for u in group:
                total = llvm.multiply_add(builder, scaled(value1, e, u), weights[u], total)
            builder.store(total, place, align=4)
        return context.get_dummy_value()

    @intrinsic
    def group(
        typing_context, W, p, move, z, column, offset0, value0, start0, stop0,
        offset1, value1, start1, stop1, pending, shrink, squared_norm,
    ):  # fmt: skip
        signature = types.void(
            W, SIZE, move, z, SIZE, offset0, value0, SIZE, SIZE,
            offset1, value1, SIZE, SIZE, SIZE, shrink, squared_norm,
        )  # fmt: skip
        return signature, codegen

    return group


@functools.cache
def make_sweep(shrinks: bool):
    """Return the compiled sweep, for a penalty that shrinks the columns of W or for none."""
    group = _sweep_group(shrinks)

    @fast
    def sweep(parameters, before, after, m, pending, work):
        """Move W by the entries before and work.move_z; set z of the m images of those after.

        If ``shrinks``, w_i moves by shrink_i · w_i too if a step is ``pending``, and squared_norm
        becomes ‖w_i‖². The bits of W, z and the norms do not depend on whether the two halves are
        done in one sweep or in two: the first without entries after, the second without entries
        before.
        """
        H = parameters.v.shape[0]
        groups = before.first.shape[0] - 1
        W = parameters.W.reshape(-1)
        z, move_z = work.z.reshape(-1), work.move_z.reshape(-1)
        for r in range(m):
            for j in range(H):
                work.z[r, j] = parameters.beta[j]
        for j in range(H):
            work.squared_norm[j] = np.float32(0.0)
        for column in range(0, H, UNITS):
            row = column // UNITS * groups * PIXELS
            for g in range(groups):
                start0, stop0 = before.first[g], before.first[g + 1]
                start1, stop1 = after.first[g], after.first[g + 1]
                if shrinks or start0 < stop0 or start1 < stop1:
                    group(
                        W, row + PIXELS * g, move_z, z, column,
                        before.offset, before.value, start0, stop0,
                        after.offset, after.value, start1, stop1,
                        pending, work.shrink, work.squared_norm,
                    )  # fmt: skip

    return sweep
