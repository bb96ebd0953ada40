"""An ONNX model that fixes rewrite: who reads what, and which weights stand where."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from harness.compiler import onnx_graph
from harness.errors import UsageError

Array = npt.NDArray[Any]


class Model:
    """A model whose nodes and weights can be changed.

    Args:
        data: ONNX with one input, as `harness.compiler.build.Source` holds it.

    Raises:
        CompileError: The bytes are not an ONNX model.
    """

    def __init__(self, data: bytes) -> None:
        self.proto = onnx_graph.parse(data)
        self.constants = _constants(self.proto.graph)
        self.outputs = frozenset(value.name for value in self.proto.graph.output)

    @property
    def nodes(self) -> list[onnx.NodeProto]:
        """The nodes in running order; those that only give constants are left out."""
        return [node for node in self.proto.graph.node if node.output[0] not in self.constants]

    def node(self, name: str) -> onnx.NodeProto:
        """Return the node of a name, as `node_name` gives it.

        Raises:
            UsageError: There is none.
        """
        for node in self.nodes:
            if node_name(node) == name:
                return node
        names = ", ".join(node_name(node) for node in self.nodes)
        raise UsageError(f"the model has no node {name!r}", f"there are: {names}")

    def constant(self, node: onnx.NodeProto, index: int) -> Array | None:
        """Return the constant that a node reads at a place; None where it reads none there."""
        name = node.input[index] if index < len(node.input) else ""
        return self.constants.get(name)

    def set_constant(self, node: onnx.NodeProto, index: int, value: npt.ArrayLike) -> None:
        """Give a node its own constant: others that read the old one keep it."""
        name = f"{node_name(node)}.fixed.{index}"
        self.constants[name] = np.asarray(value, np.float32)
        node.input.extend([""] * (index + 1 - len(node.input)))
        node.input[index] = name

    def only_reader(self, value: str) -> onnx.NodeProto | None:
        """Return the one node that reads a value, if there is just one and nothing else does."""
        readers = [node for node in self.nodes if value in node.input]
        alone = len(readers) == 1 and value not in self.outputs
        return readers[0] if alone else None

    def shape(self, value: str) -> tuple[int, ...]:
        """Return the shape that was inferred for a value; () where it is not known."""
        graph = self.proto.graph
        for known in (*graph.value_info, *graph.output, *graph.input):
            if known.name == value:
                return tuple(dim.dim_value for dim in known.type.tensor_type.shape.dim)
        return ()

    def data(self) -> bytes:
        """Return the model with the constants that are still read, and all shapes."""
        copy = onnx.ModelProto()
        copy.CopyFrom(self.proto)
        graph = copy.graph
        nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in self.nodes]
        read = {name for node in nodes for name in node.input} | self.outputs
        del graph.node[:]
        del graph.initializer[:]
        del graph.value_info[:]
        graph.node.extend(nodes)
        graph.initializer.extend(
            numpy_helper.from_array(value, name)
            for name, value in self.constants.items()
            if name in read
        )
        return onnx_graph.infer_shapes(bytes(copy.SerializeToString()))


def node_name(node: onnx.NodeProto) -> str:
    """Return a node's name; the name of its first result where it has none."""
    return str(node.name or node.output[0])


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """Return a node's attributes by name."""
    return {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}


def set_attribute(node: onnx.NodeProto, name: str, value: Any) -> None:  # noqa: ANN401
    """Set one attribute of a node."""
    kept = [entry for entry in node.attribute if entry.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])


def _constants(graph: onnx.GraphProto) -> dict[str, Array]:
    """Return what is stored: initializers, Constant nodes, and copies of either."""
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    outputs = {value.name for value in graph.output}
    for node in graph.node:
        if node.output[0] in outputs:
            continue
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        if node.op_type == "Identity" and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return found
