"""ONNX convolutions, read and written."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import onnx

from harness.compiler.legalise.graph import Array, Graph, attribute

Pads = tuple[int, int, int, int]


@dataclass(frozen=True)
class Convolution:
    """A two-dimensional convolution with stored weights, transposed or not.

    Attributes:
        weights: As ONNX stores them: [out, in / groups, kh, kw], or transposed
            [in, out / groups, kh, kw].
        bias: One value an output channel.
        groups: Number of groups.
        strides: Lines, columns.
        dilations: Lines, columns.
        pads: Top, left, bottom, right.
        input_shape: [N, C, H, W].
        output_shape: [N, C, H, W].
    """

    weights: Array
    bias: Array
    groups: int
    strides: tuple[int, int]
    dilations: tuple[int, int]
    pads: Pads
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]

    @property
    def kernel(self) -> tuple[int, int]:
        """Lines and columns of the kernel."""
        return self.weights.shape[2], self.weights.shape[3]

    @property
    def depthwise(self) -> bool:
        """Whether each output channel reads the one input channel of its place."""
        return self.groups == self.input_shape[1] == self.output_shape[1]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of a convolution that is not transposed."""
        return prod(self.weights.shape) * prod(self.output_shape[2:])


def read(graph: Graph, node: onnx.NodeProto) -> Convolution | None:
    """Return a convolution; None if weights are computed or shapes are unknown."""
    weights, bias = graph.constant(node, 1), graph.constant(node, 2)
    before, after = graph.shape(node.input[0]), graph.shape(node.output[0])
    has_bias = len(node.input) > 2 and node.input[2]
    if weights is None or weights.ndim != 4 or len(before) != 4 or len(after) != 4:
        return None
    if has_bias and bias is None:
        return None
    strides = tuple(attribute(node, "strides", [1, 1]))
    dilations = tuple(attribute(node, "dilations", [1, 1]))
    transposed = node.op_type == "ConvTranspose"
    pads = _pads(node, before, after, weights.shape, strides, dilations, transposed)
    if pads is None:
        return None
    return Convolution(
        weights=weights,
        bias=bias if has_bias and bias is not None else np.zeros(after[1], weights.dtype),
        groups=attribute(node, "group", 1),
        strides=strides,
        dilations=dilations,
        pads=pads,
        input_shape=before,
        output_shape=after,
    )


def _pads(
    node: onnx.NodeProto,
    before: tuple[int, ...],
    after: tuple[int, ...],
    weights: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    transposed: bool,
) -> Pads | None:
    rule = attribute(node, "auto_pad", "NOTSET")
    if rule == "NOTSET":
        top, left, bottom, right = attribute(node, "pads", [0, 0, 0, 0])
        return top, left, bottom, right
    if transposed:
        return None
    total = []
    for axis in (0, 1):
        reach = dilations[axis] * (weights[2 + axis] - 1) + 1
        total.append(max(0, (after[2 + axis] - 1) * strides[axis] + reach - before[2 + axis]))
    first = [t // 2 if rule == "SAME_UPPER" else t - t // 2 for t in total]
    return first[0], first[1], total[0] - first[0], total[1] - first[1]
