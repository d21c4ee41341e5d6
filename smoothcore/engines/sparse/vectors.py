"""Vector operations of the `sparse` engine that Python cannot express, in LLVM's own terms.

They work on rows of C-contiguous two-dimensional arrays and check no bounds. LLVM divides the
vectors into what the processor has.
"""

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

#: units that one pass over a list of rows sums in registers (4 AVX-512 or 8 AVX registers)
WIDTH = 64
#: side of the squares in which W is transposed
TILE = 16


def _array(context, builder, signature, args, k):
    """Return argument k of an intrinsic, an array, with its attributes data and shape."""
    return context.make_array(signature.args[k])(context, builder, value=args[k])


def _vector_pointer(builder, array, row, column):
    """Pointer to WIDTH floats of a C-contiguous 2-D array, from [row, column] on."""
    columns = builder.extract_value(array.shape, 1)
    element = builder.gep(array.data, [builder.add(builder.mul(row, columns), column)])
    return builder.bitcast(element, ir.VectorType(ir.FloatType(), WIDTH).as_pointer())


def _splat(builder, scalar):
    """A vector of WIDTH copies of a float."""
    vector = ir.VectorType(ir.FloatType(), WIDTH)
    lanes = ir.VectorType(ir.IntType(32), WIDTH)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.IntType(32)(0))
    return builder.shuffle_vector(
        one, ir.Constant(vector, ir.Undefined), ir.Constant(lanes, [0] * WIDTH)
    )


def _multiply_add(builder, a, b, c):
    """A · b + c, as one FMA where the processor has it."""
    product = builder.fmul(a, b, flags=("contract",))
    return builder.fadd(product, c, flags=("contract",))


def _sum_rows(context, builder, signature, args, begin):
    """Σ_s weight[s] · rows[index[s], k : k+WIDTH]: the sum in `add_rows`, its rows at args[begin].

    Written in LLVM's vectors because the sum has to stay in registers: a loop over the units inside
    a loop over s, which is what Python can say, loads and stores it for every s.
    """
    rows, index, weight = (_array(context, builder, signature, args, begin + k) for k in (0, 2, 3))
    k, start, stop = args[begin + 1], args[begin + 4], args[begin + 5]
    vector = ir.VectorType(ir.FloatType(), WIDTH)
    total = cgutils.alloca_once_value(builder, ir.Constant(vector, [0.0] * WIDTH))
    one = ir.Constant(start.type, 1)
    with cgutils.for_range_slice(builder, start, stop, one, inc=True) as (s, _):
        row = builder.zext(builder.load(builder.gep(index.data, [s])), one.type)
        values = builder.load(_vector_pointer(builder, rows, row, k), align=4)
        scale = _splat(builder, builder.load(builder.gep(weight.data, [s])))
        builder.store(_multiply_add(builder, values, scale, builder.load(total)), total)
    return builder.load(total)


# The sum is completed before it is added to `out`: small moves are not rounded one by one.


@intrinsic
def add_rows(typing_context, out, o, j, rows, k, index, weight, start, stop):
    """out[o, j : j+WIDTH] += Σ_s weight[s] · rows[index[s], k : k+WIDTH], start ≤ s < stop."""
    size = types.intp
    signature = types.void(out, size, size, rows, size, index, weight, size, size)

    def codegen(context, builder, signature, args):
        total = _sum_rows(context, builder, signature, args, 3)
        out = _array(context, builder, signature, args, 0)
        target = _vector_pointer(builder, out, args[1], args[2])
        builder.store(builder.fadd(builder.load(target, align=4), total), target, align=4)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def set_rows(typing_context, out, o, j, rows, k, index, weight, start, stop):
    """out[o, j : j+WIDTH] = Σ_s weight[s] · rows[index[s], k : k+WIDTH], start ≤ s < stop."""
    size = types.intp
    signature = types.void(out, size, size, rows, size, index, weight, size, size)

    def codegen(context, builder, signature, args):
        total = _sum_rows(context, builder, signature, args, 3)
        out = _array(context, builder, signature, args, 0)
        builder.store(total, _vector_pointer(builder, out, args[1], args[2]), align=4)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def add_product_and_rows(
    typing_context, out, o, j, factor, base, b, rows, k, index, weight, start, stop
):
    """Like `add_rows`, with factor[0, j : j+WIDTH] · base[b, j : j+WIDTH] in the sum."""
    size = types.intp
    signature = types.void(
        out, size, size, factor, base, size, rows, size, index, weight, size, size
    )

    def codegen(context, builder, signature, args):
        total = _sum_rows(context, builder, signature, args, 6)
        out, factor, base = (_array(context, builder, signature, args, k) for k in (0, 3, 4))
        target = _vector_pointer(builder, out, args[1], args[2])
        left, right = (
            builder.load(_vector_pointer(builder, array, row, args[2]), align=4)
            for array, row in ((factor, ir.Constant(args[1].type, 0)), (base, args[5]))
        )
        total = _multiply_add(builder, left, right, total)
        builder.store(builder.fadd(builder.load(target, align=4), total), target, align=4)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def prefetch(typing_context, array, position):
    """Ask the processor to bring array[position] into the cache."""

    def codegen(context, builder, signature, args):
        byte = ir.IntType(8).as_pointer()
        flag = ir.IntType(32)
        array = _array(context, builder, signature, args, 0)
        address = builder.bitcast(builder.gep(array.data, [args[1]]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [address, flag(0), flag(3), flag(1)])  # to read, into L1, data
        return context.get_dummy_value()

    return types.void(array, types.intp), codegen


@intrinsic
def transpose_tile(typing_context, source, row, column, target, to_row, to_column):
    """target[to_row + k, to_column + l] = source[row + l, column + k], 0 ≤ k, l < TILE = 16.

    Four perfect shuffles of the 16 rows; element by element it would take as long as a quarter of
    a training step.
    """
    size = types.intp
    signature = types.void(source, size, size, target, size, size)
    lanes = ir.VectorType(ir.IntType(32), TILE)
    low = ir.Constant(lanes, [x for k in range(TILE // 2) for x in (k, k + TILE)])
    high = ir.Constant(lanes, [x for k in range(TILE // 2, TILE) for x in (k, k + TILE)])

    def codegen(context, builder, signature, args):
        vector = ir.VectorType(ir.FloatType(), TILE)

        def address(which, row, column, k):
            array = _array(context, builder, signature, args, which)
            columns = builder.extract_value(array.shape, 1)
            line = builder.add(row, ir.Constant(row.type, k))
            element = builder.gep(array.data, [builder.add(builder.mul(line, columns), column)])
            return builder.bitcast(element, vector.as_pointer())

        lines = [builder.load(address(0, args[1], args[2], k), align=4) for k in range(TILE)]
        for _ in range(4):  # log2 TILE
            pairs = [(lines[k], lines[k + TILE // 2]) for k in range(TILE // 2)]
            lines = [builder.shuffle_vector(a, b, s) for a, b in pairs for s in (low, high)]
        for k in range(TILE):
            builder.store(lines[k], address(3, args[4], args[5], k), align=4)
        return context.get_dummy_value()

    return signature, codegen
