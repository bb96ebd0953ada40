"""Strategies of operations that compute each element by itself."""

import numpy as np
from hypothesis import strategies as st

from harness.kmodel import DType
from harness.kmodel import operations as ops
from harness.kmodel.v4.elementwise import BINARY, UNARY
from tests.kmodel.v4_programs.builder import FLOATS, NUMBERS, SHAPES, clamp, either, operand, result


def binary(builder):
    draw, shape = builder.draw, builder.draw(SHAPES)
    small = tuple(size if draw(st.booleans()) else 1 for size in shape)
    inputs = builder.input(shape), either(builder, small)
    op = draw(st.sampled_from(BINARY))
    builder.add(ops.Binary, inputs, (builder.tensor(shape),), op=op, clamp=clamp(draw))


def quantized_binary(builder):
    draw, shape = builder.draw, builder.draw(SHAPES)
    inputs = builder.input(shape, DType.U8), either(builder, shape, DType.U8)
    out = builder.tensor(shape, DType.U8)
    op, a, b = draw(st.sampled_from(BINARY)), operand(draw), operand(draw)
    builder.add(ops.QuantizedBinary, inputs, (out,), op=op, a=a, b=b, result=result(draw))


def unary(builder):
    shape = builder.draw(SHAPES)
    ends = (builder.input(shape),), (builder.tensor(shape),)
    builder.add(ops.Unary, *ends, op=builder.draw(st.sampled_from(UNARY)))


def unary_program(builder):
    """Byte code in whole words of 8 bytes, as bodies are filled up to them."""
    shape, words = builder.draw(SHAPES), builder.draw(st.integers(0, 4))
    code = builder.draw(st.binary(min_size=8 * words, max_size=8 * words))
    ends = (builder.input(shape),), (builder.tensor(shape),)
    builder.add(ops.UnaryProgram, *ends, code=np.frombuffer(code, np.uint8))


def lut1d(builder):
    shape = builder.draw(SHAPES)
    inputs = builder.input(shape, DType.U8), either(builder, (256,), DType.U8)
    builder.add(ops.Lut1d, inputs, (builder.tensor(shape, DType.U8),), minimum=0, maximum=255)


def zero_point(builder, kind=ops.DequantizeZeroPoint):
    draw, shape = builder.draw, builder.draw(SHAPES)
    types = (DType.U8, DType.F32) if kind is ops.DequantizeZeroPoint else (DType.F32, DType.U8)
    ends = (builder.input(shape, types[0]),), (builder.tensor(shape, types[1]),)
    builder.add(kind, *ends, zero_point=draw(NUMBERS), scale=draw(FLOATS))
