"""The graph that rewrites of the legaliser edit, with what fixes do to it besides."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from harness.compiler import onnx_graph
from harness.compiler.legalise.graph import Graph, layer
from harness.compiler.lower import fold_constants
from harness.errors import UsageError


class Model(Graph):
    """A model whose nodes and weights can be changed.

    Args:
        data: ONNX with one input, as `harness.compiler.source.Source` holds it.

    Raises:
        CompileError: The bytes are not an ONNX model.
    """

    def __init__(self, data: bytes) -> None:
        onnx_graph.parse(data)
        super().__init__(fold_constants(data).SerializeToString())
        # Constants that one node alone reads, since it got them here.
        self._given: set[str] = set()

    def node(self, name: str) -> onnx.NodeProto:
        """Return the node that a person knows by a name.

        Raises:
            UsageError: There is none.
        """
        for node in self.nodes:
            if layer(node) == name:
                return node
        names = ", ".join(map(layer, self.nodes))
        raise UsageError(f"the model has no node {name!r}", f"there are: {names}")

    def set_constant(self, node: onnx.NodeProto, index: int, value: npt.ArrayLike) -> None:
        """Give a node its own constant: others that read the old one keep it."""
        node.input.extend([""] * (index + 1 - len(node.input)))
        if node.input[index] not in self._given:
            node.input[index] = self.name(f"{layer(node)}.fixed.{index}")
            self._given.add(node.input[index])
        self.constants[node.input[index]] = np.asarray(value, np.float32)

    def data(self) -> bytes:
        """Return the model with the constants that are still read, and all shapes."""
        return onnx_graph.infer_shapes(self.to_bytes())


def set_attribute(node: onnx.NodeProto, name: str, value: Any) -> None:  # noqa: ANN401
    """Set one attribute of a node."""
    kept = [entry for entry in node.attribute if entry.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])
