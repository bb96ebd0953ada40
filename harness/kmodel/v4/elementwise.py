"""v4 nodes that look at one element at a time, and reductions.

Source: nncase v0.2.0-beta4 `neutral_ops_body.h`, `datatypes.h`.
"""

from __future__ import annotations

from harness.kmodel.memory import Buffer
from harness.kmodel.operations import (
    Binary,
    BinaryOp,
    DequantizeZeroPoint,
    Lut1d,
    Operation,
    QuantizedBinary,
    QuantizedOperand,
    QuantizeZeroPoint,
    Reduce,
    ReduceOp,
    Requantization,
    Softmax,
    Unary,
    UnaryOp,
    UnaryProgram,
)
from harness.kmodel.v4.body import Body, choice

BINARY = (
    BinaryOp.ADD,
    BinaryOp.SUB,
    BinaryOp.MUL,
    BinaryOp.DIV,
    BinaryOp.MIN,
    BinaryOp.MAX,
)
UNARY = (
    UnaryOp.ABS,
    UnaryOp.CEIL,
    UnaryOp.COS,
    UnaryOp.EXP,
    UnaryOp.FLOOR,
    UnaryOp.LOG,
    UnaryOp.NEG,
    UnaryOp.RSQRT,
    UnaryOp.SIN,
    UnaryOp.SQUARE,
)


def _like(body: Body) -> tuple[Buffer, Buffer]:
    """Read two ranges; return an input with its known shape and an output of the same shape."""
    source, out = body.range(), body.range()
    into = body.known(source)
    return into, body.tensor(out, into.shape)


def _binary(body: Body) -> tuple[tuple[Buffer, Buffer], Buffer, BinaryOp]:
    a, b, out = body.range(), body.range(), body.range()
    op = choice(body.reader, BINARY, "binary function")
    shapes = body.shape("shape of a"), body.shape("shape of b"), body.shape("output shape")
    inputs = body.tensor(a, shapes[0]), body.tensor(b, shapes[1])
    return inputs, body.tensor(out, shapes[2]), op


def binary(body: Body) -> Operation:
    """Read a float function of two tensors."""
    inputs, out, op = _binary(body)
    return Binary(name="", offset=body.at, inputs=inputs, outputs=(out,), op=op, clamp=body.clamp())


def quantized_binary(body: Body) -> Operation:
    """Read a uint8 function of two tensors."""
    inputs, out, op = _binary(body)
    a = QuantizedOperand(*body.numbers(3, "offset, multiplier and shift of a"))
    b = QuantizedOperand(*body.numbers(3, "offset, multiplier and shift of b"))
    offset, multiplier, shift = body.numbers(3, "offset, multiplier and shift of the result")
    return QuantizedBinary(
        name="",
        offset=body.at,
        inputs=inputs,
        outputs=(out,),
        op=op,
        a=a,
        b=b,
        result=Requantization(multiplier, shift, offset),
    )


def dequantize(body: Body) -> Operation:
    """Read a dequantisation."""
    into, out = _like(body)
    return DequantizeZeroPoint(
        name="",
        offset=body.at,
        inputs=(into,),
        outputs=(out,),
        zero_point=body.reader.i32("zero point"),
        scale=body.reader.f32("scale"),
    )


def quantize(body: Body) -> Operation:
    """Read a quantisation."""
    into, out = _like(body)
    return QuantizeZeroPoint(
        name="",
        offset=body.at,
        inputs=(into,),
        outputs=(out,),
        zero_point=body.reader.i32("zero point"),
        scale=body.reader.f32("scale"),
    )


def unary(body: Body) -> Operation:
    """Read a float function of one tensor."""
    into, out = _like(body)
    op = choice(body.reader, UNARY, "unary function")
    return Unary(name="", offset=body.at, inputs=(into,), outputs=(out,), op=op)


def unary_program(body: Body) -> Operation:
    """Read a function in byte code, which takes the rest of the body."""
    into, out = _like(body)
    code = body.reader.bytes(body.reader.left, "byte code")
    return UnaryProgram(name="", offset=body.at, inputs=(into,), outputs=(out,), code=code)


def table_lookup1d(body: Body) -> Operation:
    """Read a look-up; the ranges stand in the order input, table, output."""
    source, table, out = body.range(), body.range(), body.range()
    into = body.known(source)
    return Lut1d(
        name="",
        offset=body.at,
        inputs=(into, body.tensor(table, (256,))),
        outputs=(body.tensor(out, into.shape),),
        minimum=0,
        maximum=255,
    )


def reduce(body: Body) -> Operation:
    """Read a reduction; the axes are those that the two shapes differ in."""
    source, out = body.range(), body.range()
    op = choice(body.reader, tuple(ReduceOp), "reduction")
    into, result = body.shape(), body.shape("output shape")
    pairs = zip(into, result, strict=True)
    axes = tuple(axis for axis, (before, after) in enumerate(pairs) if before != after)
    if any(result[axis] != 1 for axis in axes):
        body.reader.fail("output shape", result, f"{into} with some sizes 1", body.at)
    return Reduce(
        name="",
        offset=body.at,
        inputs=(body.tensor(source, into),),
        outputs=(body.tensor(out, result),),
        op=op,
        axes=axes,
        keep_dims=True,
        initial=body.reader.f32("initial value"),
    )


def softmax(body: Body) -> Operation:
    """Read a softmax over the inner of two axes."""
    source, out = body.range(), body.range()
    inner, outer = body.reader.shape(2, "inner and outer size")
    shape = outer, inner
    return Softmax(
        name="",
        offset=body.at,
        inputs=(body.tensor(source, shape),),
        outputs=(body.tensor(out, shape),),
        axis=1,
        beta=body.reader.f32("beta"),
    )
