"""The weights of a KPU layer as the float model has them: folded here as nncase folds them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.blame.graph import Graph, Node
from harness.blame.operators import RESHAPES
from harness.compiler.legalise.batch_norm import EPSILON, TABLES, BatchNorm

Floats = npt.NDArray[np.float64]
Affine = tuple[Floats, Floats]


@dataclass(frozen=True)
class FloatWeights:
    """A convolution with everything affine around it folded in.

    Attributes:
        weights: float64 [out, in, k, k]; `in` is 1 for a depthwise convolution.
        bias: float64 [out]; at the border it is the interior's.
    """

    weights: Floats
    bias: Floats

    def shaped(self, shape: tuple[int, ...]) -> FloatWeights | None:
        """Return the same convolution with weights of another shape, or None if there is none."""
        weights = self.weights
        if weights.shape[2:] == (1, 1) and shape[2:] == (3, 3):
            weights = np.pad(weights, ((0, 0), (0, 0), (1, 1), (1, 1)))
        if weights.shape[1] == 1 and shape[1] == shape[0] == len(weights) > 1:
            weights = weights * np.eye(len(weights))[:, :, None, None]
        return FloatWeights(weights, self.bias) if weights.shape == shape else None


def float_weights(graph: Graph, inputs: Collection[str], tensor: str) -> FloatWeights | None:
    """Return the convolution that leads from a layer's inputs to a tensor, or None.

    Args:
        graph: The float model.
        inputs: Tensors that the layer reads.
        tensor: What it computes before its activation.
    """
    scale, bias, name = np.ones(1), np.zeros(1), tensor
    while name not in inputs:
        node = graph.producer.get(name)
        if node is None:
            return None
        if node.kind in _CONVOLUTIONS:
            return _convolution(graph, inputs, node, scale, bias)
        if node.kind == "Add" and all(one in inputs for one in node.inputs):
            return _sum(graph.shapes[tensor][1], scale, bias)
        step = _affine(graph, node)
        if step is None or not _keeps_channels(graph, node, scale.size):
            return None
        name, (factor, addend) = step
        scale, bias = scale * factor, bias + scale * addend
    channels = graph.shapes[tensor][1]
    diagonal = np.broadcast_to(scale, channels)[:, None, None, None].copy()
    return FloatWeights(diagonal, np.broadcast_to(bias, channels).copy())


def _convolution(
    graph: Graph, inputs: Collection[str], node: Node, scale: Floats, bias: Floats
) -> FloatWeights | None:
    """Fold what lies behind a convolution into it, and then what lies before it."""
    found = _CONVOLUTIONS[node.kind](graph, node)
    if found is None:
        return None
    weights, own = found
    channels = len(weights)
    scale, bias = np.broadcast_to(scale, channels), np.broadcast_to(bias, channels)
    weights, bias = weights * scale[:, None, None, None], own * scale + bias
    name = node.inputs[0]
    while name not in inputs:
        before = graph.producer.get(name)
        step = _affine(graph, before) if before is not None else None
        if step is None:
            return None
        name, (factor, addend) = step
        read = len(weights) if weights.shape[1] == 1 and channels > 1 else weights.shape[1]
        if not {factor.size, addend.size} <= {1, read}:
            return None
        factor, addend = np.broadcast_to(factor, read), np.broadcast_to(addend, read)
        bias = bias + _of_constant(weights, addend)
        depthwise = weights.shape[1] == 1
        weights = weights * (
            factor[:, None, None, None] if depthwise else factor[None, :, None, None]
        )
    return FloatWeights(weights, bias)


def _keeps_channels(graph: Graph, node: Node, factors: int) -> bool:
    """Return whether factors behind a node, one a channel, are those of the channels before it."""
    before, after = (graph.shapes[name] for name in (node.inputs[0], node.outputs[0]))
    return factors == 1 or before[1:2] == after[1:2]


def _of_constant(weights: Floats, addend: Floats) -> Floats:
    taps = weights.sum((2, 3))
    return np.asarray(taps[:, 0] * addend if taps.shape[1] == 1 else taps @ addend)


def _sum(channels: int, scale: Floats, bias: Floats) -> FloatWeights:
    """Return the sum of two maps: a 1x1 convolution over both, one behind the other."""
    eye = np.eye(channels) * np.broadcast_to(scale, channels)[:, None]
    weights = np.concatenate([eye, eye], 1)[:, :, None, None]
    return FloatWeights(weights, np.broadcast_to(bias, channels).copy())


def _affine(graph: Graph, node: Node) -> tuple[str, Affine] | None:
    """Return what a node reads, and by which factor and addend a channel it changes that."""
    one, zero = np.ones(1), np.zeros(1)
    if node.kind in RESHAPES:
        return node.inputs[0], (one, zero)
    if node.kind == "BatchNormalization":
        tables = [_constant(graph, node.inputs[place]) for place in TABLES]
        norm = BatchNorm.of(tables, float(node.attributes.get("epsilon", EPSILON)))
        return node.inputs[0], (norm.factor, norm.of_bias(zero))
    if node.kind not in ("Add", "Sub", "Mul", "Div") or len(node.inputs) != 2:
        return None
    return _with_constant(graph, node)


def _with_constant(graph: Graph, node: Node) -> tuple[str, Affine] | None:
    left, right = node.inputs
    if left in graph.constants and node.kind in ("Add", "Mul"):
        left, right = right, left
    if right not in graph.constants or left in graph.constants:
        return None
    value = _by_channel(_constant(graph, right), graph.shapes[node.outputs[0]])
    if value is None:
        return None
    one, zero = np.ones(1), np.zeros(1)
    affine = {
        "Add": (one, value),
        "Sub": (one, -value),
        "Mul": (value, zero),
        "Div": (1 / np.where(value == 0, np.nan, value), zero),
    }
    return left, affine[node.kind]


def _by_channel(value: Floats, shape: tuple[int, ...]) -> Floats | None:
    """Return one value, or one a channel; None where it changes inside of a channel."""
    if value.size == 1:
        return value.reshape(1)
    whole = value.reshape((1,) * (len(shape) - value.ndim) + value.shape)
    return whole.reshape(-1) if whole.size == whole.shape[1] == shape[1] else None


def _conv(graph: Graph, node: Node) -> Affine | None:
    weights = _constant(graph, node.inputs[1])
    groups = int(node.attributes.get("group", 1))
    if weights.ndim != 4 or groups not in (1, len(weights)):
        return None
    return weights, _bias(graph, node, len(weights))


def _gemm(graph: Graph, node: Node) -> Affine | None:
    weights = _constant(graph, node.inputs[1])
    weights = weights if node.attributes.get("transB", 0) else weights.T
    weights = weights * float(node.attributes.get("alpha", 1.0))
    bias = _bias(graph, node, len(weights)) * float(node.attributes.get("beta", 1.0))
    return weights[:, :, None, None], bias


def _matmul(graph: Graph, node: Node) -> Affine | None:
    if node.inputs[1] not in graph.constants or graph.constants[node.inputs[1]].dim() != 2:
        return None
    weights = _constant(graph, node.inputs[1]).T
    return weights[:, :, None, None], np.zeros(len(weights))


def _bias(graph: Graph, node: Node, channels: int) -> Floats:
    if len(node.inputs) < 3 or not node.inputs[2]:
        return np.zeros(channels)
    return np.broadcast_to(_constant(graph, node.inputs[2]).reshape(-1), channels).copy()


def _constant(graph: Graph, name: str) -> Floats:
    return np.asarray(graph.constants[name].numpy(), np.float64)


_CONVOLUTIONS: dict[str, Callable[[Graph, Node], Affine | None]] = {
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": _matmul,
}
