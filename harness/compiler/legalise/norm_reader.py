"""Normalisations as they stand in an ONNX graph: one operation, or spelled out."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from harness.compiler.legalise.graph import Array, Graph, attribute


@dataclass(frozen=True)
class Norm:
    """A normalisation.

    Attributes:
        x: What is normalised.
        shape: Its shape.
        axes: The axes over which mean and deviation are taken.
        epsilon: Added to the variance.
        scale: Multiplied behind it; broadcasts against x. None for 1.
        bias: Added behind that. None for 0.
    """

    x: str
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    epsilon: float
    scale: Array | None
    bias: Array | None

    @property
    def statistics(self) -> tuple[int, ...]:
        """Shape of the mean."""
        return tuple(1 if i in self.axes else size for i, size in enumerate(self.shape))


def read_norm(graph: Graph, node: onnx.NodeProto) -> Norm | None:
    """Return the normalisation that a node is, or ends; None if it is none of the known ones."""
    if node.op_type == "Div":
        return _spelled_out(graph, node)
    shape, scale = graph.shape(node.input[0]), graph.constant(node, 1)
    bias = graph.constant(node, 2)
    if len(shape) < 3 or scale is None or (len(node.input) > 2 and bias is None):
        return None
    epsilon = attribute(node, "epsilon", 1e-5)
    if node.op_type == "LayerNormalization":
        axis = attribute(node, "axis", -1) % len(shape)
        if len([name for name in node.output if name]) > 1:
            return None
        axes = tuple(range(axis, len(shape)))
        return Norm(node.input[0], shape, axes, epsilon, scale, bias)
    a_channel = (1, -1, *(1,) * (len(shape) - 2))
    axes = tuple(range(2, len(shape)))
    if bias is None:
        return None
    scaled = scale.reshape(a_channel), bias.reshape(a_channel)
    return Norm(node.input[0], shape, axes, epsilon, *scaled)


def _spelled_out(graph: Graph, node: onnx.NodeProto) -> Norm | None:
    """Read `(x - mean) / sqrt(mean((x - mean)²) + ε)`, as PyTorch writes layer normalisation."""
    centred, root = _from(graph, node, 0, "Sub"), _from(graph, node, 1, "Sqrt")
    mean, sum_ = _from(graph, centred, 1, "ReduceMean"), _from(graph, root, 0, "Add")
    variance = _from(graph, sum_, 0, "ReduceMean")
    square = _from(graph, variance, 0, "Pow")
    if centred is None or mean is None or sum_ is None or variance is None or square is None:
        return None
    epsilon, power = graph.constant(sum_, 1), graph.constant(square, 1)
    shape = graph.shape(centred.input[0])
    axes = _axes(graph, mean, shape)
    if epsilon is None or epsilon.size != 1 or power is None or (power != 2).any():
        return None
    if mean.input[0] != centred.input[0] or square.input[0] != centred.output[0]:
        return None
    if not axes or axes != _axes(graph, variance, shape):
        return None
    return Norm(centred.input[0], shape, axes, float(epsilon.reshape(-1)[0]), None, None)


def _from(
    graph: Graph, node: onnx.NodeProto | None, position: int, op_type: str
) -> onnx.NodeProto | None:
    """Return the node that an input of another comes from, if it is of a type."""
    found = graph.producer(node.input[position]) if node is not None else None
    return found if found is not None and found.op_type == op_type else None


def _axes(graph: Graph, node: onnx.NodeProto, shape: tuple[int, ...]) -> tuple[int, ...]:
    stored = graph.constant(node, 1)
    axes = attribute(node, "axes") if stored is None else stored.tolist()
    if not axes or not attribute(node, "keepdims", 1) or not shape:
        return ()
    return tuple(sorted(axis % len(shape) for axis in axes))
