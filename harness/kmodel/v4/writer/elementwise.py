"""v4 nodes that look at one element at a time, and reductions, as bytes."""

from __future__ import annotations

from math import prod

from harness.errors import ConversionError
from harness.kmodel.memory import DType
from harness.kmodel.operations import (
    Binary,
    DequantizeZeroPoint,
    Lut1d,
    QuantizedBinary,
    QuantizeZeroPoint,
    Reduce,
    ReduceOp,
    Softmax,
    Unary,
    UnaryProgram,
)
from harness.kmodel.v4.elementwise import BINARY, UNARY
from harness.kmodel.v4.writer.body import Body
from harness.kmodel.writer import check_all


def _binary(body: Body, operation: Binary | QuantizedBinary) -> None:
    if operation.op not in BINARY:
        raise ConversionError(f"the function {operation.op.value}")
    buffers = *operation.inputs, operation.output
    for buffer in buffers:
        body.range(buffer)
    body.out.words(BINARY.index(operation.op))
    for buffer in buffers:
        body.shape(buffer.shape)


def binary(body: Body, operation: Binary) -> None:
    """Write a float function of two tensors."""
    _binary(body, operation)
    body.clamp(operation.clamp)


def quantized_binary(body: Body, operation: QuantizedBinary) -> None:
    """Write a uint8 function of two tensors."""
    _binary(body, operation)
    for operand in (operation.a, operation.b):
        body.out.words(operand.offset, operand.multiplier, operand.shift)
    result = operation.result
    body.out.words(result.offset, result.multiplier, result.shift)


def zero_point(body: Body, operation: DequantizeZeroPoint | QuantizeZeroPoint) -> None:
    """Write a quantisation or a dequantisation."""
    body.ends(operation)
    body.out.words(operation.zero_point)
    body.out.floats(operation.scale)


def unary(body: Body, operation: Unary) -> None:
    """Write a float function of one tensor."""
    if operation.op not in UNARY:
        raise ConversionError(f"the function {operation.op.value}")
    body.ends(operation)
    body.out.words(UNARY.index(operation.op))


def unary_program(body: Body, operation: UnaryProgram) -> None:
    """Write a function in byte code; zeros that fill up the body do nothing in it."""
    body.ends(operation)
    body.out.array(operation.code)


def table_lookup1d(body: Body, operation: Lut1d) -> None:
    """Write a look-up."""
    source, table = operation.inputs
    check_all(
        [
            (source.dtype is DType.U8 is table.dtype, "a table of other values than bytes"),
            (table.elements == 256, f"a table of {table.elements} entries, not 256"),
            ((operation.minimum, operation.maximum) == (0, 255), "a table not of 0 to 255"),
        ]
    )
    for buffer in (source, table, operation.output):
        body.range(buffer)


def reduce(body: Body, operation: Reduce) -> None:
    """Write a reduction; v4 keeps all axes."""
    shape = operation.input.shape
    result = tuple(1 if axis in operation.axes else size for axis, size in enumerate(shape))
    body.ends(operation)
    body.out.words(tuple(ReduceOp).index(operation.op))
    body.shape(shape)
    body.shape(result)
    body.out.floats(operation.initial)


def softmax(body: Body, operation: Softmax) -> None:
    """Write a softmax along the last axis."""
    shape, axis = operation.input.shape, operation.axis
    check_all(
        [
            (prod(shape[axis + 1 :]) == 1, f"along axis {axis} of {shape}, not the last"),
            (operation.least_max == float("-inf"), "with the maximum at least that of v3"),
        ]
    )
    body.ends(operation)
    body.out.words(shape[axis], prod(shape) // shape[axis])
    body.out.floats(operation.beta)
