"""Why an operation is not on the KPU: the limits of the hardware, as nncase checks them.

Limits: nncase 1.9.0 `modules/k210/.../kpu_utils.h`: 1x1 or 3x3 kernels, at most 1024 channels,
maps of 4 to 512 columns and 4 to 256 rows, full or depthwise convolution.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_CHANNELS = 1024
MIN_SIDE = 4
MAX_HEIGHT = 256
MAX_WIDTH = 512
KERNELS = ((1, 1), (3, 3))


@dataclass(frozen=True)
class Operation:
    """What the reason is looked for in: kind, name, and shapes of inputs and output."""

    kind: str
    name: str
    inputs: tuple[tuple[int, ...], ...]
    output: tuple[int, ...]


_REASONS = {
    "Quantize": "float to bytes",
    "Dequantize": "bytes to float",
    "Copy": "moves data",
    "Reduce": "the KPU cannot reduce over an axis (global pooling, sum, mean)",
    "ReduceWindow2D": "the KPU pools 2x2 and 4x4 only, right after a convolution",
    "ResizeImage": "the KPU cannot resize",
    "Softmax": "the KPU has no softmax",
    "Transpose": "the KPU cannot reorder axes",
    "Concat": "the KPU cannot join maps",
    "MatMul": "the KPU multiplies matrices only as 1x1 convolutions",
    "Sigmoid": "no convolution before it that could take it as its activation",
    "TableLookup1D": "an activation after an operation that is not on the KPU",
    "FusedUnary": "an activation after an operation that is not on the KPU",
    "Unary": "no convolution before it that could take it as its activation",
    "Binary": "the KPU cannot combine two maps, nor a map with constants",
    "Clamp": "no convolution before it that could take it as its activation",
    "Conv2DTranspose": "the KPU has no transposed convolution",
}


def reason_for_cpu(operation: Operation) -> str:
    """Return why nncase left an operation on the CPU, in one sentence without a full stop."""
    if operation.kind == "Conv2D":
        return _convolution(operation)
    if operation.kind == "Pad":
        return _padding(operation)
    if operation.kind == "Slice":
        return _slice(operation)
    return _REASONS.get(operation.kind, "the KPU runs convolutions only")


def _convolution(operation: Operation) -> str:
    picture, weights = operation.inputs[0], operation.inputs[1]
    _, channels, height, width = picture
    out_channels, group_channels, *kernel = weights
    groups = channels // max(group_channels, 1)
    if tuple(kernel) not in KERNELS:
        return f"kernel {kernel[0]}x{kernel[1]}: the KPU has 1x1 and 3x3"
    if groups not in (1, channels):
        return f"{groups} groups: the KPU has full and depthwise convolution"
    if max(channels, out_channels) > MAX_CHANNELS:
        return f"{max(channels, out_channels)} channels: the KPU takes at most {MAX_CHANNELS}"
    if min(height, width) < MIN_SIDE:
        return f"map {height}x{width}: below {MIN_SIDE}x{MIN_SIDE}"
    if height > MAX_HEIGHT or width > MAX_WIDTH:
        return f"map {height}x{width}: above {MAX_HEIGHT} rows or {MAX_WIDTH} columns"
    return "stride, padding or dilation that the KPU does not have"


def _padding(operation: Operation) -> str:
    if operation.inputs and min(operation.inputs[0][-2:], default=MIN_SIDE) < MIN_SIDE:
        height, width = operation.inputs[0][-2:]
        return f"map {height}x{width} is below {MIN_SIDE}x{MIN_SIDE}: padded for the KPU"
    return "padding that the KPU does not have (it pads 1 on all sides)"


def _slice(operation: Operation) -> str:
    if "(post_slice)" in operation.name:
        return "cuts the result out of a map that was padded for the KPU"
    return "the KPU cannot cut out or skip pixels here"
