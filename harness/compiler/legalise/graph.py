"""An ONNX graph that rewrites look around in, and replace nodes of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from harness.compiler.onnx_graph import infer_shapes, static_shapes

Array = npt.NDArray[Any]


class Graph:
    """One model, its constants and its shapes.

    Attributes:
        nodes: In running order; new ones may stand anywhere.
        constants: Stored tensors by name.
        outputs: Names of the model's outputs.
        opset: Version of the operator set.

    Args:
        data: A valid model with folded constants.
    """

    def __init__(self, data: bytes) -> None:
        self._model = onnx.load_model_from_string(infer_shapes(data))
        graph = self._model.graph
        self.nodes: list[onnx.NodeProto] = list(graph.node)
        self.constants: dict[str, Array] = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer
        }
        self.outputs = frozenset(value.name for value in graph.output)
        self.opset = max((o.version for o in self._model.opset_import if not o.domain), default=1)
        self._shapes = static_shapes(graph)
        self._names = {name for node in self.nodes for name in (*node.input, *node.output)}
        self._names |= set(self.constants)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor; empty where it is unknown."""
        if name in self.constants:
            return self.constants[name].shape
        return self._shapes.get(name, ())

    def producer(self, name: str) -> onnx.NodeProto | None:
        """Return the node that a tensor comes from; None for inputs and constants."""
        return next((node for node in self.nodes if name in node.output), None)

    def consumers(self, name: str) -> list[onnx.NodeProto]:
        """Return the nodes that read a tensor."""
        return [node for node in self.nodes if name in node.input]

    def only_reader(self, name: str) -> onnx.NodeProto | None:
        """Return the one node that reads a tensor which nobody else sees."""
        readers = self.consumers(name)
        return readers[0] if len(readers) == 1 and name not in self.outputs else None

    def source(self, name: str, op_type: str) -> onnx.NodeProto | None:
        """Return the node of a type that a tensor comes from, if one node alone reads it."""
        node = self.producer(name)
        if node is None or node.op_type != op_type or self.only_reader(name) is None:
            return None
        return node

    def constant(self, node: onnx.NodeProto, position: int) -> Array | None:
        """Return an input of a node if it is stored."""
        if position >= len(node.input):
            return None
        return self.constants.get(node.input[position])

    def store(self, stem: str, value: Array) -> str:
        """Store a constant, and return the name it got."""
        name = self.name(stem)
        self.constants[name] = value
        return name

    def name(self, stem: str) -> str:
        """Return a name that no tensor has."""
        name, number = stem, 1
        while name in self._names:
            number += 1
            name = f"{stem}.{number}"
        self._names.add(name)
        return name

    def replace(self, node: onnx.NodeProto, nodes: Iterable[onnx.NodeProto]) -> None:
        """Put nodes in the place of one."""
        at = self.nodes.index(node)
        self.nodes[at : at + 1] = nodes

    def to_bytes(self) -> bytes:
        """Return the model with the constants that are still read, in running order."""
        graph = self._model.graph
        nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in self._sorted()]
        read = {name for node in nodes for name in node.input} | self.outputs
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(nodes)
        graph.initializer.extend(
            numpy_helper.from_array(np.ascontiguousarray(value), name)
            for name, value in self.constants.items()
            if name in read
        )
        return bytes(self._model.SerializeToString())

    def _sorted(self) -> Iterator[onnx.NodeProto]:
        """Yield nodes that are needed, each behind those that it reads from."""
        made_by = {name: node for node in self.nodes for name in node.output}
        done: set[int] = set()
        stack = [(made_by[name], False) for name in sorted(self.outputs) if name in made_by]
        while stack:
            node, ready = stack.pop()
            if id(node) in done:
                continue
            if ready:
                done.add(id(node))
                yield node
                continue
            stack.append((node, True))
            stack.extend((made_by[name], False) for name in node.input if name in made_by)


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:  # noqa: ANN401
    """Return the value of an attribute: a number, text, or list, as ONNX stores it."""
    found = next((one for one in node.attribute if one.name == name), None)
    if found is None:
        return default
    value = helper.get_attribute_value(found)
    return value.decode() if isinstance(value, bytes) else value


def layer(node: onnx.NodeProto) -> str:
    """Return the name that a person knows a node by."""
    return node.name or node.output[0]


class Writer:
    """Writes the nodes that stand for one: named after it, the last with its output.

    Args:
        graph: Where constants go.
        node: The node that is replaced.
    """

    def __init__(self, graph: Graph, node: onnx.NodeProto) -> None:
        self._graph, self._stem = graph, layer(node)
        self.nodes: list[onnx.NodeProto] = []

    def add(
        self,
        op_type: str,
        inputs: Sequence[str],
        output: str = "",
        **attributes: Any,  # noqa: ANN401
    ) -> str:
        """Append a node and return its output, which gets a new name unless one is given."""
        result = output or self._graph.name(f"{self._stem}.{op_type}")
        name = self._stem if not self.nodes else f"{self._stem}.{op_type}.{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, inputs, [result], name, **attributes))
        return result

    def reduce(self, op_type: str, x: str, axes: Sequence[int]) -> str:
        """Append a reduction that keeps its axes, and return its output."""
        # Operator set 18 made the axes of all reductions but ReduceSum an input.
        if self._graph.opset < 18:
            return self.add(op_type, [x], axes=list(axes), keepdims=1)
        return self.add(op_type, [x, self.const("axes", np.array(axes))], keepdims=1)

    def const(self, what: str, value: Array) -> str:
        """Store a constant and return its name."""
        return self._graph.store(f"{self._stem}.{what}", value)
