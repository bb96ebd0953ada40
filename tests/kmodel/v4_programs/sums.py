"""Strategies of operations that sum along axes."""

from hypothesis import strategies as st

from harness.kmodel import DType
from harness.kmodel import operations as ops
from tests.kmodel.v4_programs.builder import FLOATS, NUMBERS, SHAPES, SIZES, clamp, either, result


def matmul(builder, quantized=False):
    draw, rows, inner, columns = builder.draw, *(builder.draw(SIZES) for _ in range(3))
    if inner == columns == 1:  # the shape of such a result is what was read, not a column
        inner = 2
    dtype, wide = (DType.U8, DType.I32) if quantized else (DType.F32, DType.F32)
    inputs = (
        builder.input((rows, inner), dtype),
        either(builder, (inner, columns), dtype),
        builder.constant((columns,), wide),
    )
    outputs = (builder.tensor((rows, columns), dtype),)
    if quantized:
        fields = {"a_offset": draw(NUMBERS), "b_offset": draw(NUMBERS), "result": result(draw)}
        builder.add(ops.QuantizedMatMul, inputs, outputs, **fields)
    else:
        builder.add(ops.MatMul, inputs, outputs, clamp=clamp(draw))


def reduce(builder):
    draw, shape = builder.draw, builder.draw(SHAPES)
    axes = tuple(axis for axis, size in enumerate(shape) if size > 1 and draw(st.booleans()))
    out = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    builder.add(
        ops.Reduce,
        (builder.input(shape),),
        (builder.tensor(out),),
        op=draw(st.sampled_from(ops.ReduceOp)),
        axes=axes,
        keep_dims=True,
        initial=draw(FLOATS),
    )


def softmax(builder):
    shape = builder.draw(SIZES), builder.draw(SIZES)
    ends = (builder.input(shape),), (builder.tensor(shape),)
    builder.add(ops.Softmax, *ends, axis=1, beta=builder.draw(FLOATS))
