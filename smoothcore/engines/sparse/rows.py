"""Vector operations of `norms`: sums of rows, and squares of a matrix transposed on the way.

As in `vectors`, they work on C-contiguous arrays and check no bounds.
"""

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from smoothcore.engines.sparse import llvm
from smoothcore.engines.sparse.llvm import FLOAT, SIZE
from smoothcore.engines.sparse.vectors import ROWS

#: side of the squares in which W is transposed
TILE = 8
#: floats that are added up together in sums over pixels
PART = 16

_PART = ir.VectorType(FLOAT, PART)


def _sum_rows(builder, begin_with, rows, base, index, weight, start, stop):
    """begin_with + Σ_e weight[e] · rows[base + index[e]], start ≤ e < stop, rows of ROWS floats."""
    sums = [cgutils.alloca_once_value(builder, part) for part in begin_with]
    with llvm.each(builder, start, stop) as (e, _):
        row = builder.add(base, llvm.load_index(builder, index, e, start.type))
        scale = llvm.splat(builder, builder.load(builder.gep(weight.data, [e])), _PART)
        for place, total in zip(_parts(builder, rows, row), sums, strict=True):
            part = builder.load(place, align=4)
            builder.store(llvm.multiply_add(builder, scale, part, builder.load(total)), total)
    return [builder.load(total) for total in sums]


def _parts(builder, array, row):
    """Pointers to the parts of a row of ROWS floats."""
    return [
        llvm.at(builder, array, llvm.position(builder, array, row, part * PART), _PART)
        for part in range(ROWS // PART)
    ]


def _sum_products(builder, a, b):
    """Σ a · b over the floats of the parts."""
    total = llvm.zero(_PART)
    for x, y in zip(a, b, strict=True):
        total = llvm.multiply_add(builder, x, y, total)
    name, kind = f"llvm.vector.reduce.fadd.v{PART}f32", ir.FunctionType(FLOAT, [FLOAT, _PART])
    add = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(add, [ir.Constant(FLOAT, -0.0), total], fastmath=("reassoc",))


@intrinsic
def set_row_sum(typing_context, out, o, more, rows, base, index, weight, start, stop):
    """out[o] = Σ_e weight[e] · rows[base + index[e]], start ≤ e < stop; its square.

    Rows have ROWS floats. If ``more``, the sum is added to out[o], and the square is that of both.
    """
    signature = types.float32(out, SIZE, types.boolean, rows, SIZE, index, weight, SIZE, SIZE)

    def codegen(context, builder, signature, args):
        out, rows, index, weight = (
            llvm.array(context, builder, signature, args, k) for k in (0, 3, 5, 6)
        )
        places = _parts(builder, out, args[1])
        more = builder.icmp_unsigned("!=", args[2], args[2].type(0))
        before = [
            builder.select(more, builder.load(place, align=4), llvm.zero(_PART)) for place in places
        ]
        sums = _sum_rows(builder, before, rows, args[4], index, weight, args[7], args[8])
        for place, part in zip(places, sums, strict=True):
            builder.store(part, place, align=4)
        return _sum_products(builder, sums, sums)

    return signature, codegen


#: distance of two rows, which of their floats (8 … 15: of the second) each of them becomes
_SHUFFLES = (
    (1, (0, 8, 1, 9, 4, 12, 5, 13), (2, 10, 3, 11, 6, 14, 7, 15)),
    (2, (0, 1, 8, 9, 4, 5, 12, 13), (2, 3, 10, 11, 6, 7, 14, 15)),
    (4, (0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15)),
)
#: the row in which each column is then
_ORDER = (0, 2, 1, 3, 4, 6, 5, 7)
_LINE = ir.VectorType(FLOAT, TILE)


def _load_transposed(builder, array, row, column):
    """Return array[row …, column …], TILE rows of TILE floats, column by column.

    In shuffles that AVX has as instructions: pairs of floats of two rows, then fours, then eights.
    """
    lines = [builder.load(address, align=4) for address in _tile(builder, array, row, column)]
    for apart, low, high in _SHUFFLES:
        shuffled = list(lines)
        for k in (k for k in range(TILE) if not k & apart):
            for to, lanes in ((k, low), (k + apart, high)):
                mask = ir.Constant(ir.VectorType(ir.IntType(32), TILE), lanes)
                shuffled[to] = builder.shuffle_vector(lines[k], lines[k + apart], mask)
        lines = shuffled
    return [lines[_ORDER.index(k)] for k in range(TILE)]


def _tile(builder, array, row, column):
    """Pointers to the rows of array[row …, column …], TILE rows of TILE floats."""
    lines = [builder.add(row, ir.Constant(row.type, k)) for k in range(TILE)]
    return [
        llvm.at(builder, array, builder.add(llvm.position(builder, array, line), column), _LINE)
        for line in lines
    ]


@intrinsic
def transpose_tile(typing_context, source, row, column, target, to_row, to_column):
    """target[to_row + k, to_column + l] = source[row + l, column + k], 0 ≤ k, l < TILE."""
    signature = types.void(source, SIZE, SIZE, target, SIZE, SIZE)

    def codegen(context, builder, signature, args):
        source, target = (llvm.array(context, builder, signature, args, k) for k in (0, 3))
        columns = _load_transposed(builder, source, args[1], args[2])
        for column, place in zip(columns, _tile(builder, target, args[4], args[5]), strict=True):
            builder.store(column, place, align=4)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def move_by_tile(typing_context, sums, row, column, W, to_row, to_column, factor, product, i):
    """Move a square of W by sums over its pixels and units, and add up the products of the two.

    With s[k, l] = sums[row + l, column + k] and w[k, l] = W[to_row + k, to_column + l], 0 ≤ k, l <
    TILE: product[i + l] += Σ_k w[k, l] · s[k, l], then w[k, l] += factor[i + l] · s[k, l].
    """
    signature = types.void(sums, SIZE, SIZE, W, SIZE, SIZE, factor, product, SIZE)

    def codegen(context, builder, signature, args):
        sums, W, factor, product = (
            llvm.array(context, builder, signature, args, k) for k in (0, 3, 6, 7)
        )
        scale = builder.load(llvm.at(builder, factor, args[8], _LINE), align=4)
        place_of_total = llvm.at(builder, product, args[8], _LINE)
        total = builder.load(place_of_total, align=4)
        moves = _load_transposed(builder, sums, args[1], args[2])
        for move, place in zip(moves, _tile(builder, W, args[4], args[5]), strict=True):
            weight = builder.load(place, align=4)
            total = llvm.multiply_add(builder, weight, move, total)
            builder.store(llvm.multiply_add(builder, scale, move, weight), place, align=4)
        builder.store(total, place_of_total, align=4)
        return context.get_dummy_value()

    return signature, codegen
