"""Compiled operations, gathered under the names of the user's layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.compiler import onnx_graph
from harness.compiler.build import CompiledModel
from harness.pipeline.check.names import module_path, source_nodes
from harness.pipeline.check.result import Layer
from harness.pipeline.check.subject import Subject

# Nothing runs for these.
_SILENT = frozenset({"Constant", "Identity"})


class Naming:
    """Knows what the user calls the nodes of the exported model."""

    def __init__(self, subject: Subject) -> None:
        self._modules = subject.modules
        self._kinds: Mapping[str, str] = {}
        if subject.source.kind == "onnx":
            nodes = onnx_graph.parse(subject.source.data).graph.node
            self._kinds = {
                node.name or node.output[0]: node.op_type
                for node in nodes
                if node.op_type not in _SILENT
            }

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the nodes."""
        return tuple(self._kinds)

    def of(self, node: str) -> tuple[str, str]:
        """Return name and kind of the layer that a node belongs to."""
        operator = self._kinds.get(node, "")
        if not self._modules:
            return node, operator
        path = module_path(node, self._modules)
        inner = any(name.startswith(f"{path}.") for name in self._modules)
        if path and not inner:
            return path, self._modules[path]
        # Computed in the forward method of a module that has layers of its own.
        own = node.rpartition("/")[2] or "input"
        return f"{path}.{own}" if path else own, operator


def layers_of(subject: Subject, compiled: CompiledModel) -> tuple[Layer, ...]:
    """Return the user's layers in the order of the model, also those that others took in."""
    naming = Naming(subject)
    rows = {name: Layer(name, kind) for name, kind in map(naming.of, naming.nodes)}
    nodes = source_nodes([one.layer for one in compiled.placement], naming.nodes)
    for placed, node in zip(compiled.placement, nodes, strict=True):
        if placed.inserted:
            continue
        name, kind = naming.of(node or placed.layer)
        row = rows.get(name) or Layer(name, kind)
        if placed.unit == "KPU":
            rows[name] = replace(row, kpu=(*row.kpu, placed.operation))
        else:
            reasons = tuple(dict.fromkeys((*row.reasons, placed.reason)))
            rows[name] = replace(row, cpu=(*row.cpu, placed.operation), reasons=reasons)
    for applied in compiled.rewrites:
        name, kind = naming.of(source_nodes([applied.layer], naming.nodes)[0])
        row = rows.get(name) or Layer(name, kind)
        rows[name] = replace(row, rewrites=(*row.rewrites, applied))
    return tuple(rows.values())
