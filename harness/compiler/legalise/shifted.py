"""Wide kernels → 3x3 over copies of the map that are shifted by threes.

A kernel is cut into pieces of 3x3, filled up with zeros at its far end; output pixel p is the sum
over the pieces j of `w[3 j + t] x[s p + 3 j + t - pad]`, a 3x3 convolution of the map shifted by
3 j. Full convolutions read all copies as channels of one map, so that the sum is made within the
convolution, at its full precision. Depthwise ones cannot add up channels: a 1x1 convolution of
ones does, whose inputs have gone through bytes.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

import numpy as np
import onnx

from harness.compiler.fallback import MAX_CHANNELS
from harness.compiler.legalise.convolution import Convolution
from harness.compiler.legalise.graph import Array, Graph, Writer

_PIECE = 3
_MOST_STRIDE = 2


def pieces(conv: Convolution) -> tuple[int, int] | None:
    """Return how many pieces a kernel has down and across; None where this is no way."""
    down, across = (-(-side // _PIECE) for side in conv.kernel)
    stride, _ = conv.strides
    if conv.strides != (stride, stride) or stride > _MOST_STRIDE or conv.dilations != (1, 1):
        return None
    if max(down * across * conv.input_shape[1], conv.output_shape[1]) > MAX_CHANNELS:
        return None
    return down, across


def write(graph: Graph, node: onnx.NodeProto, conv: Convolution) -> int:
    """Replace a convolution that has `pieces`; return the multiply-accumulates of what is new."""
    found = pieces(conv)
    assert found is not None
    new = Writer(graph, node)
    x = _copies(new, node.input[0], conv, found)
    weights = _cut(conv, found)
    options: dict[str, Any] = {"kernel_shape": [_PIECE] * 2, "strides": list(conv.strides)}
    size = prod(conv.output_shape[2:])
    bias = new.const("bias", conv.bias)
    if conv.groups == 1:
        new.add("Conv", [x, new.const("weight", weights), bias], node.output[0], **options)
        macs = weights.size * size
    else:
        x = new.add("Conv", [x, new.const("weight", weights)], group=len(weights), **options)
        ones = np.tile(np.eye(conv.groups, dtype=weights.dtype), prod(found))[..., None, None]
        new.add("Conv", [x, new.const("ones", ones), bias], node.output[0], kernel_shape=[1, 1])
        macs = (weights.size + ones.size) * size
    graph.replace(node, new.nodes)
    return macs


def _copies(new: Writer, x: str, conv: Convolution, count: tuple[int, int]) -> str:
    """Return the shifted copies, joined: [1, pieces C, s (H' - 1) + 3, s (W' - 1) + 3]."""
    reach = [
        stride * (side - 1) + _PIECE
        for stride, side in zip(conv.strides, conv.output_shape[2:], strict=True)
    ]
    first = conv.pads[:2]
    last = [
        max(0, _PIECE * (n - 1) + r - side - pad)
        for n, r, side, pad in zip(count, reach, conv.input_shape[2:], first, strict=True)
    ]
    if any((*first, *last)):
        pads: Any = np.array([0, 0, *first, 0, 0, *last])
        x = new.add("Pad", [x, new.const("fill", pads)])
    axes = new.const("axes", np.array([2, 3]))
    copies = []
    for place in product(*map(range, count)):
        starts = _PIECE * np.array(place)
        bounds = new.const("first", starts), new.const("behind", starts + reach)
        copies.append(new.add("Slice", [x, *bounds, axes]))
    return new.add("Concat", copies, axis=1)


def _cut(conv: Convolution, count: tuple[int, int]) -> Array:
    """Return the pieces in the order of the copies.

    Returns:
        [out, pieces C, 3, 3], or of a depthwise convolution [pieces C, 1, 3, 3].
    """
    missing = [_PIECE * n - side for n, side in zip(count, conv.kernel, strict=True)]
    whole = np.pad(conv.weights, [(0, 0), (0, 0), (0, missing[0]), (0, missing[1])])
    outputs, inputs = conv.weights.shape[:2]
    cut = whole.reshape(outputs, inputs, count[0], _PIECE, count[1], _PIECE)
    if conv.groups == 1:
        return cut.transpose(0, 2, 4, 1, 3, 5).reshape(outputs, -1, _PIECE, _PIECE)
    return cut.transpose(2, 4, 0, 1, 3, 5).reshape(-1, 1, _PIECE, _PIECE)
