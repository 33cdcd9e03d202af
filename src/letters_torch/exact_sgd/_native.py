# ruff: noqa: ARG001 (Numba calls intrinsics with arguments that their code does not need)
"""What compiled threads need below Numba: counters that they share, and calls of C and Fortran functions by address.

A BLAS is called by address so that any of them will do, and so that parts of matrices are multiplied where they lie:
`numpy.dot` takes contiguous arrays only.
"""

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

AS_IS, TRANSPOSED = ord("N"), ord("T")


@intrinsic
def load(typing, counters, index):  # type: ignore[no-untyped-def]
    """counters[index] of an int64 array. What its writer wrote before it can be read after it."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        array = context.make_array(signature.args[0])(context, builder, args[0])
        return builder.load_atomic(builder.gep(array.data, [args[1]]), "acquire", 8)

    return types.int64(counters, types.intp), code


@intrinsic
def store(typing, counters, index, value):  # type: ignore[no-untyped-def]
    """counters[index] = value, for `load`."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        array = context.make_array(signature.args[0])(context, builder, args[0])
        builder.store_atomic(args[2], builder.gep(array.data, [args[1]]), "release", 8)
        return context.get_dummy_value()

    return types.void(counters, types.intp, types.int64), code


@intrinsic
def call(typing, address, arguments):  # type: ignore[no-untyped-def]
    """Calls the function at an address as Fortran does: arrays and numbers by reference. Nothing is returned."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        byte = ir.IntType(8).as_pointer()
        pointers = []
        for i, kind in enumerate(arguments):
            value = builder.extract_value(args[1], i)
            if isinstance(kind, types.Array):
                pointer = context.make_array(kind)(context, builder, value).data
            else:
                pointer = cgutils.alloca_once_value(builder, value)
            pointers.append(builder.bitcast(pointer, byte))
        function = ir.FunctionType(ir.VoidType(), [byte] * len(pointers))
        builder.call(builder.inttoptr(args[0], function.as_pointer()), pointers)
        return context.get_dummy_value()

    return types.void(types.int64, arguments), code


@njit(inline="always")
def gemm(address, shape, A, op_A, B, op_B, beta, C):  # type: ignore[no-untyped-def]
    """C = op(A) op(B) + beta C, for matrices whose rows are contiguous.

    Args:
        address: of sgemm or dgemm, as the matrices' dtype is.
        shape: rows of C, columns of C, length of the inner products. The arrays may be larger.
        op_A, op_B: AS_IS or TRANSPOSED.
    """
    real = C.dtype.type
    rows, columns, depth = shape
    # The stride of an array of one row, or of none, may be anything: NumPy's x[None] has 0.
    lda, ldb = max(A.strides[0] // A.itemsize, A.shape[1], 1), max(B.strides[0] // B.itemsize, B.shape[1], 1)
    ldc = max(C.strides[0] // C.itemsize, C.shape[1], 1)
    # BLAS takes matrices column by column, as which these are C^T = op(B)^T op(A)^T. A BLAS whose integers have 32 bits
    # reads the low half of those here.
    call(address, (op_B, op_A, columns, rows, depth, real(1), B, ldb, A, lda, real(beta), C, ldc))
