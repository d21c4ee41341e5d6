"""Vector operations of the `sparse` engine that Python cannot express.

They work on C-contiguous arrays and check no bounds. LLVM divides the vectors into what the
processor has. Sums stay in registers: a loop over units inside a loop over entries, which is what
Python can say, loads and stores them for every entry.
"""

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from smoothcore.engines.sparse import llvm
from smoothcore.engines.sparse.llvm import FLOAT, SIZE

#: neighbouring pixels that are kept together: in an image, and in registers
PIXELS = 2
#: side of the squares in which W is transposed
TILE = 8
#: floats that are added up together in sums over pixels
PART = 16
#: pixels of the tiles in which sums over units are made
ROWS = 112

# Sums may be reordered and contracted to FMA, but infinities and NaN keep their meaning: a run that
# diverges must be seen to diverge. All of it becomes part of the loop over epochs: a function with
# a symbol of its own is compiled for itself and into the loop, with other bits, and which of the
# two is called would depend on what the process has compiled and loaded before.
fast = numba.njit(
    fastmath={"reassoc", "contract", "nsz"},
    error_model="numpy",
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    forceinline=True,
)


@intrinsic
def decode_group(typing_context, code, s, scale, value, at):
    """value[PIXELS · at …] = code[PIXELS · s …] / scale, PIXELS of them; floats are only copied."""
    signature = types.void(code, SIZE, types.float32, value, SIZE)
    is_float = isinstance(code.dtype, types.Float)

    def codegen(context, builder, signature, args):
        source, target = (llvm.array(context, builder, signature, args, k) for k in (0, 3))
        floats = ir.VectorType(FLOAT, PIXELS)
        kind = floats if is_float else ir.VectorType(ir.IntType(8), PIXELS)
        size = args[1].type
        place = llvm.at(builder, source, builder.mul(args[1], size(PIXELS)), kind)
        x = builder.load(place, align=4 if is_float else 1)
        if not is_float:
            x = builder.fdiv(builder.uitofp(x, floats), llvm.splat(builder, args[2], floats))
        place = llvm.at(builder, target, builder.mul(args[4], size(PIXELS)), floats)
        builder.store(x, place, align=4)
        return context.get_dummy_value()

    return signature, codegen


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
def set_row_sum(typing_context, out, o, more, rows, index, weight, start, stop):
    """out[o] = Σ_e weight[e] · rows[index[e]], start ≤ e < stop, rows of ROWS floats; its square.

    If ``more``, the sum is added to out[o], and the square is that of both.
    """
    signature = types.float32(out, SIZE, types.boolean, rows, index, weight, SIZE, SIZE)

    def codegen(context, builder, signature, args):
        out, rows, index, weight = (
            llvm.array(context, builder, signature, args, k) for k in (0, 3, 4, 5)
        )
        places = _parts(builder, out, args[1])
        more = builder.icmp_unsigned("!=", args[2], args[2].type(0))
        before = [
            builder.select(more, builder.load(place, align=4), llvm.zero(_PART)) for place in places
        ]
        zero = ir.Constant(args[1].type, 0)
        sums = _sum_rows(builder, before, rows, zero, index, weight, args[6], args[7])
        for place, part in zip(places, sums, strict=True):
            builder.store(part, place, align=4)
        return _sum_products(builder, sums, sums)

    return signature, codegen


@intrinsic
def move_by_row_sum(typing_context, out, o, scale, rows, base, index, weight, start, stop):
    """out[o] += scale · s, s = Σ_e weight[e] · rows[base + index[e]]; ⟨out[o], s⟩ before it."""
    signature = types.float32(out, SIZE, types.float32, rows, SIZE, index, weight, SIZE, SIZE)

    def codegen(context, builder, signature, args):
        out, rows, index, weight = (
            llvm.array(context, builder, signature, args, k) for k in (0, 3, 5, 6)
        )
        places = _parts(builder, out, args[1])
        zeros = [llvm.zero(_PART)] * len(places)
        sums = _sum_rows(builder, zeros, rows, args[4], index, weight, args[7], args[8])
        before = [builder.load(place, align=4) for place in places]
        factor = llvm.splat(builder, args[2], _PART)
        for place, weight, move in zip(places, before, sums, strict=True):
            builder.store(llvm.multiply_add(builder, factor, move, weight), place, align=4)
        return _sum_products(builder, before, sums)

    return signature, codegen


@intrinsic
def prefetch(typing_context, array, position):
    """Ask the processor to bring array[position] into the cache."""

    def codegen(context, builder, signature, args):
        byte = ir.IntType(8).as_pointer()
        flag = ir.IntType(32)
        array = llvm.array(context, builder, signature, args, 0)
        address = builder.bitcast(builder.gep(array.data, [args[1]]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [address, flag(0), flag(3), flag(1)])  # to read, into L1, data
        return context.get_dummy_value()

    return types.void(array, types.intp), codegen


#: distance of two rows, which of their floats (8 … 15: of the second) each of them becomes
_SHUFFLES = (
    (1, (0, 8, 1, 9, 4, 12, 5, 13), (2, 10, 3, 11, 6, 14, 7, 15)),
    (2, (0, 1, 8, 9, 4, 5, 12, 13), (2, 3, 10, 11, 6, 7, 14, 15)),
    (4, (0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15)),
)
#: the row in which each column is then
_ORDER = (0, 2, 1, 3, 4, 6, 5, 7)


@intrinsic
def transpose_tile(typing_context, source, row, column, target, to_row, to_column):
    """target[to_row + k, to_column + l] = source[row + l, column + k], 0 ≤ k, l < TILE = 8.

    In shuffles that AVX has as instructions: pairs of floats of two rows, then fours, then eights.
    """
    signature = types.void(source, SIZE, SIZE, target, SIZE, SIZE)
    kind = ir.VectorType(FLOAT, TILE)

    def codegen(context, builder, signature, args):
        def address(which, row, column, k):
            array = llvm.array(context, builder, signature, args, which)
            line = builder.add(row, ir.Constant(row.type, k))
            return llvm.at(
                builder, array, builder.add(llvm.position(builder, array, line), column), kind
            )

        lines = [builder.load(address(0, args[1], args[2], k), align=4) for k in range(TILE)]
        for apart, low, high in _SHUFFLES:
            shuffled = list(lines)
            for k in (k for k in range(TILE) if not k & apart):
                for to, lanes in ((k, low), (k + apart, high)):
                    mask = ir.Constant(ir.VectorType(ir.IntType(32), TILE), lanes)
                    shuffled[to] = builder.shuffle_vector(lines[k], lines[k + apart], mask)
            lines = shuffled
        for k, line in enumerate(_ORDER):
            builder.store(lines[line], address(3, args[4], args[5], k), align=4)
        return context.get_dummy_value()

    return signature, codegen
