"""Transposed convolution → convolution at the small size, and a pixel shuffle.

An output pixel `o = s q + r` (stride `s`, phase `r`) of a transposed convolution with padding `p`
sums `x[i] w[k]` over all `s i + k - p = o`. With `d = i - q` that is `k = r + p - s d`: for each
phase an ordinary convolution over `x` with every s-th weight. All phases together are one
convolution with s² times as many channels, whose channels then become pixels (Shi et al. 2016,
arXiv 1609.05158, call it sub-pixel convolution). A stride of 1 needs no shuffle.

nncase 1.9 refuses most transposed convolutions, and fills others up with zeros on the CPU in
float. The shuffle moves bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx

from harness.compiler.fallback import MAX_CHANNELS
from harness.compiler.legalise.batch_norm import BatchNorm
from harness.compiler.legalise.convolution import Convolution, read
from harness.compiler.legalise.graph import Array, Graph, Writer
from harness.compiler.legalise.rewrite import OFF, Change, Context, Rewrite


@dataclass(frozen=True)
class _Axis:
    """One axis of the convolution: phases, first and last tap, and how many steps it makes."""

    stride: int
    pad: int
    dilation: int
    first: int
    last: int
    steps: int
    pads: tuple[int, int]


def _rewrite(context: Context, node: onnx.NodeProto) -> Change | None:
    graph = context.graph
    conv = read(graph, node)
    if conv is None:
        return None
    conv, normalised = _with_batch_norm(graph, node, conv)
    lines, columns = (_axis(conv, axis) for axis in (0, 1))
    new = Writer(graph, node)
    output = (normalised or node).output[0]
    shuffled = (lines.stride, columns.stride) != (1, 1)
    cropped = (lines.steps * lines.stride, columns.steps * columns.stride) != conv.output_shape[2:]
    last = "" if shuffled or cropped else output
    x = _convolve(new, node.input[0], conv, lines, columns, last)
    if shuffled:
        x = _shuffle(new, x, (lines.stride, columns.stride), conv, lines, columns, cropped, output)
    if cropped:
        _crop(new, x, conv, lines, columns, output)
    graph.replace(node, new.nodes)
    if normalised is not None:
        graph.replace(normalised, [])
    return _change(conv, lines, columns, shuffled)


def _convolve(
    new: Writer, x: str, conv: Convolution, lines: _Axis, columns: _Axis, output: str
) -> str:
    """Append the convolution, in parts where it has more channels than the KPU takes."""
    phases = lines.stride * columns.stride
    weights, bias = _weights(conv, lines, columns), np.repeat(conv.bias, phases)
    attributes: dict[str, Any] = {
        "kernel_shape": [lines.last - lines.first + 1, columns.last - columns.first + 1],
        "pads": [lines.pads[0], columns.pads[0], lines.pads[1], columns.pads[1]],
        "group": conv.groups,
    }
    count = 1 if conv.groups > 1 else -(-len(bias) // MAX_CHANNELS)
    parts = []
    for channels in np.array_split(np.arange(len(bias)), count):
        inputs = [x, new.const("weight", weights[channels]), new.const("bias", bias[channels])]
        parts.append(new.add("Conv", inputs, output if count == 1 else "", **attributes))
    return parts[0] if count == 1 else new.add("Concat", parts, output, axis=1)


def _change(conv: Convolution, lines: _Axis, columns: _Axis, shuffled: bool) -> Change:
    channels = conv.output_shape[1] * lines.stride * columns.stride
    kernel = f"{lines.last - lines.first + 1}x{columns.last - columns.first + 1}"
    shuffle = " and a pixel shuffle" if shuffled else ""
    moved = f"{channels * lines.steps * columns.steps} bytes moved by the CPU"
    return Change(
        becomes=f"a {kernel} convolution to {channels} channels{shuffle}",
        why="the KPU has no transposed convolution",
        cost=moved if shuffled else "",
    )


def _with_batch_norm(
    graph: Graph, node: onnx.NodeProto, conv: Convolution
) -> tuple[Convolution, onnx.NodeProto | None]:
    """Take a batch normalisation behind it into the weights: it would stand behind the shuffle."""
    reader = graph.only_reader(node.output[0])
    norm = BatchNorm.read(graph, reader) if reader is not None else None
    if norm is None:
        return conv, None
    group_out = conv.weights.shape[1]
    per_weight = norm.factor.reshape(conv.groups, 1, group_out, 1, 1)
    shaped = conv.weights.reshape(conv.groups, -1, group_out, *conv.kernel)
    return replace(
        conv,
        weights=(shaped * per_weight).reshape(conv.weights.shape).astype(conv.weights.dtype),
        bias=norm.of_bias(conv.bias).astype(conv.bias.dtype),
    ), reader


def _axis(conv: Convolution, axis: int) -> _Axis:
    stride, dilation, pad = conv.strides[axis], conv.dilations[axis], conv.pads[axis]
    reach = dilation * (conv.kernel[axis] - 1)
    size, result = conv.input_shape[2 + axis], conv.output_shape[2 + axis]
    first, last = -((reach - pad) // stride), (stride - 1 + pad) // stride
    # The KPU has 3 taps around the middle; weights of zero fill up what is missing.
    if first >= -1 and last <= 1 and (first, last) != (0, 0):
        first, last = -1, 1
    steps = -(-result // stride)
    return _Axis(stride, pad, dilation, first, last, steps, (-first, steps + last - size))


def _weights(conv: Convolution, lines: _Axis, columns: _Axis) -> Array:
    """Return weights [groups x out x phases, in / groups, taps, taps]."""
    group_in, group_out = conv.weights.shape[0] // conv.groups, conv.weights.shape[1]
    shaped = conv.weights.reshape(conv.groups, group_in, group_out, *conv.kernel)
    taps = (lines.last - lines.first + 1, columns.last - columns.first + 1)
    shape = (conv.groups, group_out, lines.stride, columns.stride, group_in, *taps)
    result = np.zeros(shape, conv.weights.dtype)
    for row, tap_row, k_row in _taps(lines, conv.kernel[0]):
        for column, tap_column, k_column in _taps(columns, conv.kernel[1]):
            values = shaped[..., k_row, k_column].transpose(0, 2, 1)
            result[:, :, row, column, :, tap_row, tap_column] = values
    return result.reshape(-1, group_in, *taps)


def _taps(axis: _Axis, kernel: int) -> list[tuple[int, int, int]]:
    """Return (phase, tap, weight) wherever an input pixel meets a weight."""
    return [
        (phase, tap - axis.first, place // axis.dilation)
        for phase in range(axis.stride)
        for tap in range(axis.first, axis.last + 1)
        if (place := phase + axis.pad - axis.stride * tap) % axis.dilation == 0
        and 0 <= place // axis.dilation < kernel
    ]


def _shuffle(
    new: Writer,
    x: str,
    strides: tuple[int, int],
    conv: Convolution,
    lines: _Axis,
    columns: _Axis,
    cropped: bool,
    output: str,
) -> str:
    last = "" if cropped else output
    if strides[0] == strides[1]:
        return new.add("DepthToSpace", [x], last, blocksize=strides[0], mode="CRD")
    channels = conv.output_shape[1]
    split = [1, channels, *strides, lines.steps, columns.steps]
    whole = [1, channels, strides[0] * lines.steps, strides[1] * columns.steps]
    x = new.add("Reshape", [x, new.const("split", np.array(split))])
    x = new.add("Transpose", [x], perm=[0, 1, 4, 2, 5, 3])
    return new.add("Reshape", [x, new.const("whole", np.array(whole))], last)


def _crop(
    new: Writer, x: str, conv: Convolution, lines: _Axis, columns: _Axis, output: str
) -> None:
    """Cut off what is beyond the output's size: padding by a negative number."""
    _, _, height, width = conv.output_shape
    bottom, right = lines.steps * lines.stride - height, columns.steps * columns.stride - width
    pads: Any = np.array([0, 0, 0, 0, 0, 0, -bottom, -right])
    new.add("Pad", [x, new.const("pads", pads)], output)


TRANSPOSED = Rewrite(
    name="transposed",
    op_types=frozenset({"ConvTranspose"}),
    title="transposed convolution",
    modes={"subpixel": "a convolution at the small size and a pixel shuffle", OFF: "as it is"},
    default="subpixel",
    apply=_rewrite,
)
