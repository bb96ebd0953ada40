"""Pairs of layers between which channels can be scaled: one divides, the other restores.

Between the two stand only operations that pass a factor of a channel through: ReLU, leaky ReLU and
PReLU (for positive factors), pooling, and what only moves values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx

from harness.blame.fix.model import Model
from harness.compiler.legalise.graph import Array, attribute

Vector = npt.NDArray[np.float64]

_LAYERS = ("Conv", "Gemm")
ACTIVATIONS = frozenset({"Clip", "LeakyRelu", "PRelu", "Relu"})
_PASS = frozenset(
    {
        "AveragePool",
        "Dropout",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "Identity",
        "LeakyRelu",
        "MaxPool",
        "PRelu",
        "Relu",
    }
)
_FLATTEN = frozenset({"Flatten", "Reshape", "Squeeze"})


@dataclass(frozen=True)
class Pair:
    """Two layers and what stands between them.

    Attributes:
        first: A Conv or Gemm.
        between: Nodes in running order.
        second: The Conv or Gemm that reads their result, and nothing else does.
        repeat: Inputs of `second` for each channel of `first`: more than one where a map was
            flattened.
    """

    first: onnx.NodeProto
    between: tuple[onnx.NodeProto, ...]
    second: onnx.NodeProto
    repeat: int

    @property
    def clips(self) -> tuple[onnx.NodeProto, ...]:
        """The ReLU6 and their like between the two, which pass no factor through."""
        return tuple(node for node in self.between if node.op_type == "Clip")


def pairs(model: Model) -> list[Pair]:
    """Return the pairs of a graph in running order."""
    return [pair for node in model.nodes for pair in _pair(model, node)]


def _pair(model: Model, first: onnx.NodeProto) -> Iterator[Pair]:
    if first.op_type not in _LAYERS or model.constant(first, 1) is None:
        return
    if len(first.input) > 2 and model.constant(first, 2) is None:
        return
    between: list[onnx.NodeProto] = []
    node = model.only_reader(first.output[0])
    while node is not None and _passes(model, node):
        between.append(node)
        node = model.only_reader(node.output[0])
    if node is None or node.op_type not in _LAYERS or model.constant(node, 1) is None:
        return
    inputs, channels = in_channels(model, node), len(rows(model, first))
    last = between[-1].output[0] if between else first.output[0]
    if node.input[0] == last and inputs % channels == 0:
        yield Pair(first, tuple(between), node, inputs // channels)


def _passes(model: Model, node: onnx.NodeProto) -> bool:
    if node.op_type == "Clip":
        return ceiling(model, node) is not None
    if node.op_type in _FLATTEN:
        # [1, C, H, W] to [1, C * H * W], or nothing but axes of 1: channels stay in order.
        before, after = model.shape(node.input[0]), model.shape(node.output[0])
        return len(before) >= 2 and len(after) >= 2 and _in_order(before, after)
    return node.op_type in _PASS


def _in_order(before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    same = before[0] == after[0] == 1
    return same and after[1] % before[1] == 0 and int(np.prod(before)) == int(np.prod(after))


def ceiling(model: Model, clip: onnx.NodeProto) -> float | None:
    """Return the upper end of a clip from 0 upwards, such as 6 for ReLU6; None for others."""
    low, high = (model.constant(clip, index) for index in (1, 2))
    bottom = attribute(clip, "min") if low is None else float(low)
    top = attribute(clip, "max") if high is None else float(high)
    return float(top) if bottom == 0 and top is not None else None


def rows(model: Model, node: onnx.NodeProto) -> Array:
    """Return a layer's weights [out, …]."""
    weights = model.constant(node, 1)
    assert weights is not None
    return weights if node.op_type == "Conv" or attribute(node, "transB") else weights.T


def in_channels(model: Model, node: onnx.NodeProto) -> int:
    """Return how many channels a layer reads."""
    group = attribute(node, "group", 1) if node.op_type == "Conv" else 1
    return int(rows(model, node).shape[1] * group)


def depthwise(model: Model, node: onnx.NodeProto) -> bool:
    """Return whether each output channel of a layer reads one input channel only."""
    return node.op_type == "Conv" and rows(model, node).shape[1] == 1


def row_max(model: Model, node: onnx.NodeProto) -> Vector:
    """Return the largest absolute weight of each output channel."""
    weights = np.abs(rows(model, node)).astype(np.float64)
    return np.asarray(weights.reshape(len(weights), -1).max(axis=1))


def column_max(model: Model, node: onnx.NodeProto) -> Vector:
    """Return the largest absolute weight that each input channel meets."""
    weights = np.abs(rows(model, node)).astype(np.float64)
    group = in_channels(model, node) // weights.shape[1]
    each = weights.reshape(group, -1, *weights.shape[1:])
    return np.asarray(each.max(axis=(1, *range(3, each.ndim))).reshape(-1))


def scale_rows(model: Model, node: onnx.NodeProto, factors: Vector) -> None:
    """Multiply what a layer gives, channel by channel."""
    weights = rows(model, node) * factors.reshape(-1, *[1] * (rows(model, node).ndim - 1))
    _store(model, node, weights)
    bias = model.constant(node, 2)
    if bias is not None:
        model.set_constant(node, 2, bias * factors)


def scale_columns(model: Model, node: onnx.NodeProto, factors: Vector) -> None:
    """Multiply what a layer reads, channel by channel."""
    weights = rows(model, node)
    group = len(factors) // weights.shape[1]
    each = weights.reshape(group, -1, *weights.shape[1:]).astype(np.float64)
    shaped = factors.reshape(group, 1, -1, *[1] * (weights.ndim - 2))
    _store(model, node, (each * shaped).reshape(weights.shape))


def _store(model: Model, node: onnx.NodeProto, weights: Array) -> None:
    stored_as_is = node.op_type == "Conv" or attribute(node, "transB")
    model.set_constant(node, 1, weights if stored_as_is else weights.T)
