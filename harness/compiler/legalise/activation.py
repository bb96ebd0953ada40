"""An activation behind a pixel shuffle, a crop or a join → the same in front of it.

In front it is part of the convolution, and free; behind it the CPU looks up every pixel in a
table.
"""

from __future__ import annotations

import onnx

from harness.compiler.legalise.elementwise import ELEMENTWISE
from harness.compiler.legalise.graph import Graph
from harness.compiler.legalise.rewrite import OFF, Change, Context, Rewrite


def _rewrite(context: Context, node: onnx.NodeProto) -> Change | None:
    graph = context.graph
    if node.op_type == "Mul":
        return _gated(graph, node)
    concat = graph.source(node.input[0], "Concat")
    if concat is not None:
        return _joined(graph, node, concat)
    move = graph.source(node.input[0], "DepthToSpace") or _crop(graph, node.input[0])
    if move is None or not _scalars(graph, node):
        return None
    before, between, after = move.input[0], graph.name(node.output[0]), node.output[0]
    node.input[0], node.output[0] = before, between
    move.input[0], move.output[0] = between, after
    place = "pixel shuffle" if move.op_type == "DepthToSpace" else "crop"
    return Change(
        becomes=f"{node.op_type} in front of the {place}",
        why="the KPU applies it with the convolution there",
    )


def _joined(graph: Graph, node: onnx.NodeProto, concat: onnx.NodeProto) -> Change | None:
    """Move an activation to each of the convolutions that are joined in front of it."""
    if any(graph.source(name, "Conv") is None for name in concat.input):
        return None
    if len(set(concat.input)) < len(concat.input) or not _scalars(graph, node):
        return None
    parts = []
    for place, name in enumerate(concat.input):
        part = onnx.NodeProto.FromString(node.SerializeToString())
        part.name = f"{node.name}.{place}" if node.name else ""
        part.input[0], part.output[0] = name, graph.name(f"{node.output[0]}.{place}")
        concat.input[place] = part.output[0]
        parts.append(part)
    concat.output[0] = node.output[0]
    graph.replace(concat, [*parts, concat])
    graph.replace(node, [])
    return Change(
        becomes=f"{node.op_type} in front of the join",
        why="the KPU applies it with the convolutions there",
    )


def _gated(graph: Graph, node: onnx.NodeProto) -> Change | None:
    """Move `x f(x)`, as SiLU and hard swish are written."""
    x, gate = node.input[0], graph.producer(node.input[1])
    shuffle = graph.producer(x)
    if gate is None or gate.op_type not in ELEMENTWISE or gate.input[0] != x:
        return None
    readers = [reader.output[0] for reader in graph.consumers(x)]
    alone = sorted(readers) == sorted((gate.output[0], node.output[0])) and x not in graph.outputs
    if shuffle is None or shuffle.op_type != "DepthToSpace" or not alone:
        return None
    if graph.only_reader(gate.output[0]) is None or not _scalars(graph, gate):
        return None
    before, between, after = shuffle.input[0], graph.name(node.output[0]), node.output[0]
    gate.input[0] = node.input[0] = before
    node.output[0], shuffle.input[0], shuffle.output[0] = between, between, after
    return Change(
        becomes=f"x {gate.op_type}(x) in front of the pixel shuffle",
        why="the KPU applies it with the convolution there",
    )


def _crop(graph: Graph, name: str) -> onnx.NodeProto | None:
    """Return a padding that only cuts off."""
    pad = graph.source(name, "Pad")
    pads = graph.constant(pad, 1) if pad is not None else None
    return pad if pads is not None and (pads <= 0).all() else None


def _scalars(graph: Graph, node: onnx.NodeProto) -> bool:
    limits = [graph.constants.get(name) for name in node.input[1:] if name]
    return all(limit is not None and limit.size == 1 for limit in limits)


ACTIVATION = Rewrite(
    name="activation",
    op_types=ELEMENTWISE | {"Mul"},
    title="activation behind a pixel shuffle, a crop or a join",
    modes={"first": "the activation in front of it", OFF: "as it is"},
    default="first",
    apply=_rewrite,
)
