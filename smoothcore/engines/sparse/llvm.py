"""What the vector operations of the `sparse` engine are built from, in LLVM's terms."""

from llvmlite import ir
from numba.core import cgutils, types

FLOAT = ir.FloatType()
SIZE = types.intp


def array(context, builder, signature, args, k):
    """Return argument k of an intrinsic, an array, with its attributes data and shape."""
    return context.make_array(signature.args[k])(context, builder, value=args[k])


def at(builder, array, position, kind):
    """Pointer to the vector of type ``kind`` that begins at array.data[position]."""
    return builder.bitcast(builder.gep(array.data, [position]), kind.as_pointer())


def position(builder, array, row, column=0):
    """Position of [row, column] in a C-contiguous 2-D array."""
    start = builder.mul(row, builder.extract_value(array.shape, 1))
    return builder.add(start, ir.Constant(row.type, column))


def splat(builder, scalar, kind):
    """A vector of copies of a float."""
    undefined = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(undefined, scalar, ir.IntType(32)(0))
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.shuffle_vector(one, undefined, lanes)


def multiply_add(builder, a, b, c):
    """A · b + c, as one FMA where the processor has it."""
    product = builder.fmul(a, b, flags=("contract",))
    return builder.fadd(product, c, flags=("contract",))


def zero(kind):
    """A vector of zeros."""
    return ir.Constant(kind, [0.0] * kind.count)


def set_zero(builder, places, kind):
    """Store zeros in all the places."""
    for place in places:
        builder.store(zero(kind), place)


def each(builder, start, stop):
    """Return the context of a loop over start … stop − 1; its value begins with the index."""
    return cgutils.for_range_slice(builder, start, stop, ir.Constant(start.type, 1), inc=True)


def load_index(builder, array, position, size):
    """array[position], unsigned, as an integer of type ``size``."""
    return builder.zext(builder.load(builder.gep(array.data, [position])), size)
