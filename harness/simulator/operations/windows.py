"""Convolutions and matrix products on the CPU.

Floats are multiplied and added one product after the other, without fused instructions, in the
order of the vendor's loops. Sums of quantised values are exact in any order.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from harness.kmodel.operations import (
    Activation,
    Conv2d,
    Conv2dTranspose,
    FullyConnected,
    MatMul,
    QuantizedConv2d,
    QuantizedMatMul,
)
from harness.simulator.operations.elementwise import clamped
from harness.simulator.operations.quantization import requantize

_RELU = {Activation.RELU: (0.0, float("inf")), Activation.RELU6: (0.0, 6.0)}


def running_product(a: Tensor, b: Tensor, start: Tensor) -> Tensor:
    """Return start + a @ b, one product after the other."""
    total = start
    for k in range(a.shape[-1]):
        total = total + a[..., k, None] * b[..., k, None, :]
    return total


def matmul(operation: MatMul, a: Tensor, b: Tensor, bias: Tensor) -> Tensor:
    """Start from the bias and add the products."""
    return clamped(running_product(a, b, bias.reshape(1, 1, -1)), operation.clamp)


def fully_connected(operation: FullyConnected, x: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    """Add the products, then the bias (v3)."""
    products = running_product(x, weights.transpose(-1, -2), torch.zeros((), device=x.device))
    result = products + bias.reshape(1, 1, -1)
    clamp = _RELU.get(operation.activation)
    return clamped(result, clamp) if clamp else result


def quantized_matmul(operation: QuantizedMatMul, a: Tensor, b: Tensor, bias: Tensor) -> Tensor:
    """Add the products of bytes (v4)."""
    left, right = a.double() + operation.a_offset, b.double() + operation.b_offset
    sums = (left @ right).to(torch.int64) + bias.reshape(1, 1, -1)
    return requantize(operation, sums, operation.result)


def conv2d(operation: Conv2d, x: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    """Start from the bias and add the products, channel by channel or pixel by pixel."""
    images = x.flatten(0, 1)
    weights, bias = _channels_first(operation, weights[0]), bias.flatten()
    if operation.channels_last:
        images = images.permute(0, 3, 1, 2)
    padded = _padded(operation, images)
    groups = operation.groups
    split = torch.unflatten(padded, 1, (groups, -1))
    kernels = torch.unflatten(weights, 0, (groups, -1))
    height, width = _size(operation)
    shape = len(images), groups, weights.shape[0] // groups, height, width
    result = bias.reshape(1, groups, -1, 1, 1).expand(shape).clone()
    for channel, line, column in _places(operation, weights):
        part = _window(operation, split[:, :, channel, None], line, column, (height, width))
        result += part * kernels[:, :, channel, line, column, None, None]
    result = clamped(result.flatten(1, 2), operation.clamp)
    if operation.channels_last:
        result = result.permute(0, 2, 3, 1)
    return torch.unflatten(result, 0, x.shape[:2])


def _places(operation: Conv2d, weights: Tensor) -> Iterator[tuple[int, int, int]]:
    """Yield channel, line and column of the products in the order of the vendor's loops."""
    channels, lines, columns = (range(n) for n in weights.shape[1:])
    if operation.channels_last:
        yield from ((c, y, x) for y in lines for x in columns for c in channels)
    else:
        yield from ((c, y, x) for c in channels for y in lines for x in columns)


def _channels_first(operation: Conv2d | QuantizedConv2d, weights: Tensor) -> Tensor:
    """Return weights as [out, in / groups, k, k]."""
    if not operation.channels_last:
        return weights
    return weights[:, None] if weights.dim() == 3 else weights.permute(0, 3, 1, 2)


def _size(operation: Conv2d | QuantizedConv2d) -> tuple[int, int]:
    shape = operation.output.shape
    height, width = shape[1:3] if operation.channels_last else shape[2:]
    return height, width


def _padded(operation: Conv2d | QuantizedConv2d, images: Tensor) -> Tensor:
    lines, columns = operation.padding_h, operation.padding_w
    return functional.pad(images, (columns.before, columns.after, lines.before, lines.after))


def _window(operation: Conv2d, x: Tensor, line: int, column: int, size: tuple[int, int]) -> Tensor:
    steps, dilation = operation.stride, operation.dilation
    top, left = line * dilation[0], column * dilation[1]
    return x[
        ...,
        top : top + (size[0] - 1) * steps[0] + 1 : steps[0],
        left : left + (size[1] - 1) * steps[1] + 1 : steps[1],
    ]


def quantized_conv2d(
    operation: QuantizedConv2d, x: Tensor, weights: Tensor, bias: Tensor
) -> Tensor:
    """Add the products of bytes (v4)."""
    images = x.flatten(0, 1).double() + operation.input_offset
    if operation.channels_last:
        images = images.permute(0, 3, 1, 2)
    kernels = _channels_first(operation, weights[0]).double() + operation.filter_offset
    sums = functional.conv2d(
        _padded(operation, images),
        kernels,
        bias.flatten().double(),
        stride=operation.stride,
        dilation=operation.dilation,
        groups=operation.groups,
    )
    result = requantize(operation, sums.to(torch.int64), operation.result)
    if operation.channels_last:
        result = result.permute(0, 2, 3, 1)
    return torch.unflatten(result, 0, x.shape[:2])


def conv2d_transpose(
    operation: Conv2dTranspose, x: Tensor, weights: Tensor, _bias: Tensor
) -> Tensor:
    """Spread each pixel over its window; the runtime never adds the bias (v4)."""
    split = torch.unflatten(x.flatten(0, 1), 1, (operation.groups, -1))
    kernels = torch.unflatten(weights[0], 0, (operation.groups, -1))
    spans = [
        [_span(operation, axis, place, split.shape[3 + axis]) for place in range(size)]
        for axis, size in enumerate(kernels.shape[3:])
    ]
    height, width = (max(span.stop for span in each) for each in spans)
    shape = *split.shape[:2], kernels.shape[1], height, width
    result = torch.zeros(shape, device=x.device)
    # Pixels reach a place in ascending order, hence through the window in descending order.
    for channel in range(kernels.shape[2]):
        for line in reversed(range(kernels.shape[3])):
            for column in reversed(range(kernels.shape[4])):
                part = split[:, :, channel, None] * kernels[:, :, channel, line, column, None, None]
                result[..., spans[0][line], spans[1][column]] += part
    result = clamped(_cropped(operation, result), operation.clamp)
    return torch.unflatten(result, 0, x.shape[:2])


def _span(operation: Conv2dTranspose, axis: int, place: int, size: int) -> slice:
    """Return where the pixels of an axis go through one place of the window."""
    start, step = place * operation.dilation[axis], operation.stride[axis]
    return slice(start, start + (size - 1) * step + 1, step)


def _cropped(operation: Conv2dTranspose, x: Tensor) -> Tensor:
    height, width = operation.output.shape[2:]
    top, left = operation.padding_h.before, operation.padding_w.before
    after = left + width - x.shape[-1], top + height - x.shape[-2]
    return functional.pad(x.flatten(1, 2), (-left, after[0], -top, after[1]))
