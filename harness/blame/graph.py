"""An ONNX model that shows every tensor, and computes on from any of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import Tensor

from harness.blame.kernels import KERNELS
from harness.compiler import onnx_graph
from harness.compiler.lower import fold_constants
from harness.errors import CompileError

Values = dict[str, Tensor]


@dataclass(frozen=True)
class Node:
    """One operator of the model, its attributes read.

    Attributes:
        name: Its name, or that of its first output where it has none.
        kind: Operator type.
        inputs: Names; "" for one that is left out.
        outputs: Names.
        attributes: By name, as Python values.
        proto: As it was read.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    proto: onnx.NodeProto


class Graph:
    """A model with one picture as input, its batch being 1, run on batches in float32.

    Args:
        data: The ONNX file.

    Raises:
        CompileError: It is not a valid ONNX model with one picture as input.
    """

    def __init__(self, data: bytes) -> None:
        given = onnx_graph.graph_input(data)
        # Sizes that are computed on the way are known: they are those of one picture.
        model = fold_constants(data)
        self._opsets = model.opset_import
        self.input, self.input_shape = given.name, given.shape
        self.outputs = tuple(value.name for value in model.graph.output)
        self.constants: Values = {
            tensor.name: _tensor(numpy_helper.to_array(tensor))
            for tensor in model.graph.initializer
        }
        self.nodes: list[Node] = []
        self._references: dict[str, ReferenceEvaluator] = {}
        for proto in model.graph.node:
            self._take(_node(proto))
        self.producer = {name: node for node in self.nodes for name in node.outputs}
        self.order = {name: place for place, name in enumerate([self.input, *self.producer])}

    def _take(self, node: Node) -> None:
        """Keep a node, or compute it now where nothing in it depends on the picture."""
        if all(not name or name in self.constants for name in node.inputs):
            found = self._reference(
                node, {name: self.constants[name] for name in node.inputs if name}
            )
            self.constants.update(zip(node.outputs, found, strict=True))
        else:
            self.nodes.append(node)

    @torch.inference_mode()
    def run(self, x: Tensor) -> Values:
        """Return every tensor [N, …] by name for pictures float32 [N, C, H, W]."""
        values = {self.input: x}
        for node in self.nodes:
            self._compute(node, values)
        return values

    @torch.inference_mode()
    def evaluate(self, known: Values, target: str) -> Tensor:
        """Return a tensor, computed from the known ones that lie nearest before it.

        Args:
            known: Tensors [N, …] by name; nothing is computed that is known.
            target: Name of the tensor.

        Raises:
            KeyError: Something before it is neither known nor computed.
        """
        values = dict(known)
        for node in self.needed(known, target):
            self._compute(node, values)
        return values[target]

    def needed(self, known: Iterable[str], target: str) -> list[Node]:
        """Return the nodes that lead from known tensors to another, in running order."""
        known = set(known)
        wanted, found = [target], set()
        while wanted:
            name = wanted.pop()
            if name in known or name in self.constants or not name:
                continue
            node = self.producer.get(name)
            if node is None:
                raise KeyError(name)
            if id(node) not in found:
                found.add(id(node))
                wanted.extend(node.inputs)
        return [node for node in self.nodes if id(node) in found]

    def leading(self, known: Iterable[str], target: str) -> list[Node]:
        """Return the nodes that lead to a tensor; the last one where known ones do not suffice."""
        try:
            return self.needed(known, target)
        except KeyError:
            return [self.producer[target]]

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every tensor for one picture; empty until `learn_shapes`."""
        return {}

    def learn_shapes(self, values: Values) -> None:
        """Keep the shapes of one run; the batch is written as 1."""
        self.shapes.update({name: (1, *value.shape[1:]) for name, value in values.items()})

    @cached_property
    def ancestors(self) -> dict[str, frozenset[str]]:
        """For each tensor, the tensors that it is computed from, itself included."""
        found: dict[str, frozenset[str]] = {self.input: frozenset({self.input})}
        for node in self.nodes:
            before = [found[name] for name in node.inputs if name in found]
            for name in node.outputs:
                found[name] = frozenset({name}).union(*before)
        return found

    def _compute(self, node: Node, values: Values) -> None:
        inputs = [self._value(name, values) for name in node.inputs]
        kernel = KERNELS.get(node.kind)
        if kernel is not None and len(node.outputs) == 1:
            try:
                result = kernel(node.attributes, inputs)
            except (NotImplementedError, RuntimeError):
                result = None
            if result is not None:
                values[node.outputs[0]] = result
                return
        values.update(zip(node.outputs, self._one_by_one(node, values), strict=True))

    def _value(self, name: str, values: Values) -> Tensor | None:
        return None if not name else values[name] if name in values else self.constants[name]

    def _one_by_one(self, node: Node, values: Values) -> list[Tensor]:
        """Run a node by ONNX's own reference implementation, one picture at a time."""
        moving = [name for name in dict.fromkeys(node.inputs) if name in values]
        fixed = {name: self.constants[name] for name in node.inputs if name in self.constants}
        batch = max(len(values[name]) for name in moving)
        rows = []
        for index in range(batch):
            feeds = {name: values[name][index : index + 1] for name in moving}
            rows.append(self._reference(node, feeds | fixed))
        return [torch.cat(parts) for parts in zip(*rows, strict=True)]

    def _reference(self, node: Node, feeds: Values) -> list[Tensor]:
        key = node.outputs[0]
        if key not in self._references:
            self._references[key] = _evaluator(node, feeds, self._opsets)
        arrays = {name: value.numpy() for name, value in feeds.items()}
        try:
            results: Any = self._references[key].run(None, arrays)
        except (LookupError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
            raise CompileError(
                f"layer {node.name} ({node.kind}) cannot be computed as floats: {error}"
            ) from error
        return [_tensor(np.asarray(result)) for result in results]


def _evaluator(node: Node, feeds: Values, opsets: Any) -> ReferenceEvaluator:  # noqa: ANN401
    inputs = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(value.numpy().dtype), None
        )
        for name, value in feeds.items()
    ]
    outputs = [onnx.ValueInfoProto(name=name) for name in node.outputs]
    graph = helper.make_graph([node.proto], "single", inputs, outputs)
    return ReferenceEvaluator(helper.make_model(graph, opset_imports=opsets))


def _node(proto: onnx.NodeProto) -> Node:
    attributes = {one.name: helper.get_attribute_value(one) for one in proto.attribute}
    texts = {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in attributes.items()
    }
    name = proto.name or proto.output[0]
    return Node(name, proto.op_type, tuple(proto.input), tuple(proto.output), texts, proto)


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(array))
