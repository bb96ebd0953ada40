"""Which operation runs where: read from the graph that nncase generated code from.

nncase dumps its last intermediate graph, one ONNX-encoded file a module: the modules named
`k210_N` run on the KPU, `main` runs on the CPU. What is told here is what was compiled, not a
guess from rules; rules only give the reasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import onnx

from harness.compiler.fallback import Operation, reason_for_cpu

# Nodes that hold data or mark a boundary; no instruction comes from them.
_SILENT = frozenset({"Constant", "Call", "Bitcast"})
# Nodes that nncase adds around KPU calls: they move or recode data and compute nothing new.
_GLUE = frozenset({"Quantize", "Dequantize", "Copy", "KPUUpload", "KPUDownload"})

Unit = Literal["KPU", "CPU"]


@dataclass(frozen=True)
class Placed:
    """One compiled operation.

    Attributes:
        layer: Name of the layer in the source model, as far as nncase kept it.
        operation: nncase's name of the operation.
        unit: Where it runs.
        shape: Shape of its result.
        inserted: Whether nncase added it to move or recode data.
        reason: Why it is not on the KPU; empty for KPU operations.
    """

    layer: str
    operation: str
    unit: Unit
    shape: tuple[int, ...]
    inserted: bool
    reason: str


def placement(modules: Mapping[str, bytes]) -> tuple[Placed, ...]:
    """Return every compiled operation in the order in which it runs.

    Args:
        modules: nncase's dumped graphs by file name (`main.nnir.pb`, `k210_0.nnir.pb`, …).
    """
    graphs = {
        name.split(".")[0]: onnx.load_model_from_string(data).graph
        for name, data in modules.items()
    }
    return tuple(_walk(graphs["main"], graphs)) if "main" in graphs else ()


def outputs(modules: Mapping[str, bytes]) -> list[tuple[str, tuple[int, ...]]]:
    """Return name and shape of the model's outputs, for formats that we do not parse ourselves."""
    graph = onnx.load_model_from_string(modules["main.nnir.pb"]).graph
    shapes = _shapes(graph)
    return [(value.name, shapes[value.name]) for value in graph.output]


def _walk(graph: onnx.GraphProto, graphs: Mapping[str, onnx.GraphProto]) -> Iterator[Placed]:
    shapes = _shapes(graph)
    for node in _in_running_order(graph):
        if node.op_type == "Call":
            yield from _walk(graphs[node.name], graphs)
        elif node.op_type not in _SILENT:
            yield _place(node, shapes)


def _place(node: onnx.NodeProto, shapes: Mapping[str, tuple[int, ...]]) -> Placed:
    unit: Unit = "KPU" if node.op_type.startswith("KPU") else "CPU"
    operation = Operation(
        kind=node.op_type,
        name=node.name,
        inputs=tuple(shapes.get(name, ()) for name in node.input),
        output=shapes.get(node.output[0], ()),
    )
    return Placed(
        layer=_layer_name(node.input[0] if node.op_type == "KPUDownload" else node.name),
        operation=node.op_type,
        unit=unit,
        shape=operation.output,
        inserted=node.op_type in _GLUE,
        reason=reason_for_cpu(operation) if unit == "CPU" else "",
    )


def _layer_name(name: str) -> str:
    """Cut what nncase appended: `/8/Conv(Conv)/quantize` is about layer `/8/Conv`."""
    return name.split("(")[0] or name


def _shapes(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    values = [*graph.input, *graph.value_info, *graph.output]
    return {
        value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        for value in values
    }


def _in_running_order(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield nodes after the nodes they read from; the dump is not in that order."""
    ready = {value.name for value in graph.input}
    waiting = list(graph.node)
    while waiting:
        now = [node for node in waiting if all(name in ready for name in node.input)]
        if not now:
            yield from waiting
            return
        for node in now:
            yield node
            ready.update(node.output)
        waiting = [node for node in waiting if node not in now]
