"""v3 layers on the CPU as bytes, behind their flags."""

from __future__ import annotations

import numpy as np

from harness.kmodel.memory import DType
from harness.kmodel.operations import (
    NO_CLAMP,
    AveragePool,
    Binary,
    BinaryOp,
    ChannelwiseDequantize,
    Concat,
    Dequantize,
    Flatten,
    FullyConnected,
    GlobalAveragePool,
    L2Normalization,
    Lut1d,
    MaxPool,
    QuantizedAdd,
    QuantizeInverse,
    Resize,
    ResizeMode,
    Sigmoid,
    Softmax,
)
from harness.kmodel.v3.cpu import SMALLEST_NORMAL
from harness.kmodel.v3.writer.body import Body, chw
from harness.kmodel.writer import check_all


def _sum(body: Body, operation: Binary | QuantizedAdd, dtype: DType) -> None:
    a, b = operation.inputs
    check_all([(a.elements == b.elements, f"a sum of {a.shape} and {b.shape}, not of equals")])
    for buffer in (a, b, operation.output):
        body.address(buffer, dtype)
    body.out.words(a.elements)


def add(body: Body, operation: Binary) -> None:
    """Write a sum of floats."""
    check_all(
        [
            (operation.op is BinaryOp.ADD, f"the function {operation.op.value}"),
            (operation.clamp == NO_CLAMP, f"a sum clamped to {operation.clamp}"),
        ]
    )
    _sum(body, operation, DType.F32)


def quantized_add(body: Body, operation: QuantizedAdd) -> None:
    """Write a sum of bytes."""
    _sum(body, operation, DType.U8)
    for part in (operation.a, operation.b, operation.result):
        body.out.words(part.offset, part.multiplier, part.shift)


def global_average_pool(body: Body, operation: GlobalAveragePool) -> None:
    """Write a mean of each channel."""
    body.ends(operation, DType.F32, DType.F32)
    channels = operation.output.elements
    body.out.words(operation.input.elements // channels, channels)


def _pool(body: Body, operation: MaxPool | AveragePool, dtype: DType) -> None:
    body.ends(operation, dtype, dtype)
    body.image(operation.input.shape)
    body.image(operation.output.shape)
    for sizes in (operation.filter, operation.stride, operation.padding):
        body.pair(sizes)


def max_pool(body: Body, operation: MaxPool) -> None:
    """Write a pooling of bytes."""
    _pool(body, operation, DType.U8)


def average_pool(body: Body, operation: AveragePool) -> None:
    """Write a pooling of floats."""
    _pool(body, operation, DType.F32)
    body.activation(operation.activation)


def quantize(body: Body, operation: QuantizeInverse) -> None:
    """Write a quantisation."""
    body.ends(operation, DType.F32, DType.U8)
    body.out.words(operation.input.elements)
    body.out.floats(operation.scale, operation.bias)


def dequantize(body: Body, operation: Dequantize) -> None:
    """Write a dequantisation."""
    body.ends(operation, DType.U8, DType.F32)
    body.out.words(operation.input.elements)
    body.out.floats(operation.scale, operation.bias)


def channelwise_dequantize(body: Body, operation: ChannelwiseDequantize) -> None:
    """Write a dequantisation with a scale and a bias for each channel."""
    body.ends(operation, DType.U8, DType.F32)
    channels = len(operation.scale)
    body.out.words(channels, operation.input.elements // channels)
    body.out.array(np.stack([operation.scale, operation.bias], 1).astype("<f4"))


def requantize(body: Body, operation: Lut1d) -> None:
    """Write a look-up of bytes."""
    table = operation.inputs[1]
    check_all(
        [
            (table.elements == 256, f"a table of {table.elements} entries, not 256"),
            ((operation.minimum, operation.maximum) == (0, 255), "a table not of 0 to 255"),
        ]
    )
    body.ends(operation, DType.U8, DType.U8)
    body.out.words(operation.input.elements)
    body.inline(table, DType.U8)


def _vector(body: Body, operation: L2Normalization | Softmax | Sigmoid) -> None:
    body.ends(operation, DType.F32, DType.F32)
    body.out.words(operation.input.elements)


def l2_normalization(body: Body, operation: L2Normalization) -> None:
    """Write a normalisation to length 1."""
    _vector(body, operation)


def softmax(body: Body, operation: Softmax) -> None:
    """Write a softmax over all elements."""
    size = operation.input.shape[operation.axis]
    check_all(
        [
            (size == operation.input.elements, "a softmax over some of the axes"),
            (operation.beta == 1, f"a softmax with beta {operation.beta}"),
            (
                np.float32(operation.least_max) == np.float32(SMALLEST_NORMAL),
                "a softmax whose maximum may be below 0",
            ),
        ]
    )
    _vector(body, operation)


def logistic(body: Body, operation: Sigmoid) -> None:
    """Write a sigmoid."""
    _vector(body, operation)


def concat(body: Body, operation: Concat) -> None:
    """Write a concatenation of whole tensors."""
    check_all([(operation.outer == 1, "a concatenation inside other axes")])
    body.address(operation.output, operation.output.dtype)
    body.out.words(len(operation.inputs))
    for buffer in operation.inputs:
        body.address(buffer, operation.output.dtype)
        body.out.words(buffer.nbytes)


def fully_connected(body: Body, operation: FullyConnected) -> None:
    """Write a full connection; weights and bias stand in the body."""
    _, weights, bias = operation.inputs
    results, into = weights.shape
    body.ends(operation, DType.F32, DType.F32)
    body.out.words(into, results)
    body.activation(operation.activation)
    body.inline(weights, DType.F32)
    body.inline(bias, DType.F32)


def flatten(body: Body, operation: Flatten) -> None:
    """Write a change from CHW to HWC order."""
    body.ends(operation, DType.F32, DType.F32)
    body.image(operation.input.shape)


def resize(body: Body, operation: Resize) -> None:
    """Write a nearest neighbour resize of floats or bytes."""
    check_all(
        [
            (operation.mode is ResizeMode.NEAREST, f"the mode {operation.mode.value}"),
            (not operation.half_pixel_centers, "with pixels seen as areas"),
        ]
    )
    body.ends(operation, operation.input.dtype, operation.input.dtype)
    body.image(operation.input.shape)
    _, height, width = chw(operation.output.shape)
    body.out.words(width, height, int(operation.align_corners))
