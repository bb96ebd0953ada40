"""v4 convolutions, matrix products and pooling on the CPU, as bytes."""

from __future__ import annotations

from harness.errors import ConversionError
from harness.kmodel.memory import DType
from harness.kmodel.operations import (
    Conv2d,
    Conv2dTranspose,
    MatMul,
    QuantizedConv2d,
    QuantizedMatMul,
    ReduceOp,
    ReduceWindow2d,
)
from harness.kmodel.v4.writer.body import Body

Convolution = Conv2d | QuantizedConv2d


def is_depthwise(operation: Convolution) -> bool:
    """Return whether the weights are those of a depthwise convolution in NHWC."""
    return operation.channels_last and len(operation.inputs[1].shape) == 3


def _window(body: Body, operation: Convolution | Conv2dTranspose, filters: tuple[int, ...]) -> None:
    body.paddings(operation.padding_h, operation.padding_w)
    body.out.words(*filters, *operation.stride, *operation.dilation)


def _start(body: Body, operation: Convolution) -> None:
    source, weights = operation.input, operation.inputs[1]
    body.ends(operation)
    body.shape(source.shape)
    if not operation.channels_last:
        body.out.words(operation.groups, weights.shape[0])
        _window(body, operation, weights.shape[2:])
        return
    groups = weights.shape[0] if is_depthwise(operation) else 1
    if operation.groups != groups:
        raise ConversionError(f"{operation.groups} groups with channels last")
    if not is_depthwise(operation):
        body.out.words(weights.shape[0])
    _window(body, operation, weights.shape[1:3])


def conv2d(body: Body, operation: Conv2d) -> None:
    """Write a float convolution."""
    _start(body, operation)
    body.clamp(operation.clamp)
    body.inline(operation.inputs[1], DType.F32)
    body.inline(operation.inputs[2], DType.F32)


def quantized_conv2d(body: Body, operation: QuantizedConv2d) -> None:
    """Write a uint8 convolution; NCHW has the bias first."""
    _start(body, operation)
    body.out.words(operation.input_offset, operation.filter_offset)
    body.result(operation.result)
    values = [(operation.inputs[1], DType.U8), (operation.inputs[2], DType.I32)]
    for buffer, dtype in values if operation.channels_last else reversed(values):
        body.inline(buffer, dtype)


def conv2d_transpose(body: Body, operation: Conv2dTranspose) -> None:
    """Write a transposed float convolution."""
    body.ends(operation)
    body.shape(operation.input.shape)
    body.shape(operation.output.shape)
    body.out.words(operation.groups)
    _window(body, operation, operation.inputs[1].shape[2:])
    body.clamp(operation.clamp)
    body.inline(operation.inputs[1], DType.F32)
    body.inline(operation.inputs[2], DType.F32)


def reduce_window2d(body: Body, operation: ReduceWindow2d) -> None:
    """Write a pooling."""
    body.ends(operation)
    body.out.words(tuple(ReduceOp).index(operation.op))
    body.shape(operation.input.shape)
    body.paddings(operation.padding_h, operation.padding_w)
    body.out.words(*operation.filter, *operation.stride, *operation.dilation)
    body.out.floats(operation.initial)
    body.clamp(operation.clamp)


def _matrices(body: Body, operation: MatMul | QuantizedMatMul) -> None:
    a, b, _ = operation.inputs
    for buffer in (a, b, operation.output):
        body.range(buffer)
    if len(a.shape) != 2 or len(b.shape) != 2:
        raise ConversionError(f"a product of {a.shape} and {b.shape}, not of two matrices")
    body.out.words(*a.shape, b.shape[1])


def matmul(body: Body, operation: MatMul) -> None:
    """Write a float matrix product."""
    _matrices(body, operation)
    body.clamp(operation.clamp)
    body.inline(operation.inputs[2], DType.F32)


def quantized_matmul(body: Body, operation: QuantizedMatMul) -> None:
    """Write a uint8 matrix product."""
    _matrices(body, operation)
    body.out.words(operation.a_offset, operation.b_offset)
    body.result(operation.result)
    body.inline(operation.inputs[2], DType.I32)
