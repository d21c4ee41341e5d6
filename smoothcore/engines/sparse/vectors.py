"""Vector operations of the `sparse` engine that Python cannot express.

They work on C-contiguous arrays and check no bounds. LLVM divides the vectors into what the
processor has. Sums stay in registers: a loop over units inside a loop over entries, which is what
Python can say, loads and stores them for every entry.
"""

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from smoothcore.engines.sparse import llvm
from smoothcore.engines.sparse.llvm import FLOAT, SIZE

_, _NAME, _FEATURES = cpu_target.target_context.codegen().magic_tuple()
_HAS_AVX512 = "+avx512f" in _FEATURES
#: units whose weights are in registers together: four registers a pixel
UNITS = 64 if _HAS_AVX512 else 32
#: neighbouring pixels that are kept together: in an image, and in registers. More of them store z
#: more seldom and multiply more zeros. Zen 4 has AVX-512, but multiplies half a register at a time.
PIXELS = 4 if _HAS_AVX512 and _NAME != "znver4" else 2
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
