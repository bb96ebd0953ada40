"""Nearest upsampling and the convolution behind it → a convolution at the small size, shuffled.

Every output pixel of the convolution sees whole copies of small pixels, so the weights that fall
on the same small pixel add up, phase by phase. nncase 1.9 enlarges on the CPU, in float.
"""

from __future__ import annotations

import numpy as np
import onnx

from harness.compiler.legalise.convolution import Convolution, read
from harness.compiler.legalise.graph import Array, Graph, Writer, attribute
from harness.compiler.legalise.rewrite import OFF, Change, Context, Rewrite


def _rewrite(context: Context, node: onnx.NodeProto) -> Change | None:
    graph = context.graph
    conv, resize = read(graph, node), graph.source(node.input[0], "Resize")
    if conv is None or resize is None:
        return None
    factor = _factor(graph, resize)
    kernel, same = conv.kernel[0], [conv.kernel[0] // 2] * 4
    if factor < 2 or conv.kernel != (kernel, kernel) or kernel % 2 == 0 or kernel == 1:
        return None
    if list(conv.pads) != same or conv.groups != 1:
        return None
    if (conv.strides, conv.dilations) != ((1, 1), (1, 1)):
        return None
    reach = -(-(kernel // 2) // factor)
    new = Writer(graph, node)
    inputs = [
        resize.input[0],
        new.const("weight", _weights(conv, factor, reach)),
        new.const("bias", np.repeat(conv.bias, factor * factor)),
    ]
    taps = 2 * reach + 1
    small = new.add("Conv", inputs, kernel_shape=[taps, taps], pads=[reach] * 4)
    new.add("DepthToSpace", [small], node.output[0], blocksize=factor, mode="CRD")
    graph.replace(node, new.nodes)
    channels = conv.output_shape[1] * factor * factor
    return Change(
        becomes=f"a convolution to {channels} channels at the small size and a pixel shuffle",
        why="nncase enlarges on the CPU in float, the shuffle moves bytes",
    )


def _factor(graph: Graph, resize: onnx.NodeProto) -> int:
    """Return the whole factor of an enlargement to the nearest; 0 for others."""
    before, after = graph.shape(resize.input[0]), graph.shape(resize.output[0])
    if attribute(resize, "mode", "nearest") != "nearest" or len(before) != 4 or len(after) != 4:
        return 0
    places = attribute(resize, "coordinate_transformation_mode", "half_pixel")
    rounding = attribute(resize, "nearest_mode", "round_prefer_floor")
    if (places, rounding) != ("asymmetric", "floor") and places != "half_pixel":
        return 0
    factor = after[2] // before[2]
    return factor if after == (*before[:2], factor * before[2], factor * before[3]) else 0


def _weights(conv: Convolution, factor: int, reach: int) -> Array:
    outputs, inputs = conv.weights.shape[:2]
    taps, middle = 2 * reach + 1, conv.kernel[0] // 2
    result = np.zeros((outputs, factor, factor, inputs, taps, taps), conv.weights.dtype)
    places = [
        (phase, (phase + k - middle) // factor + reach, k)
        for phase in range(factor)
        for k in range(conv.kernel[0])
    ]
    for row, tap_row, k_row in places:
        for column, tap_column, k_column in places:
            result[:, row, column, :, tap_row, tap_column] += conv.weights[:, :, k_row, k_column]
    return result.reshape(-1, inputs, taps, taps)


NEAREST = Rewrite(
    name="nearest",
    op_types=frozenset({"Conv"}),
    title="convolution behind nearest upsampling",
    modes={OFF: "as it is", "subpixel": "a convolution at the small size and a pixel shuffle"},
    default=OFF,
    apply=_rewrite,
    offer="subpixel",
)
