"""Global average pooling → pooling by 4 or 2 with the convolution in front, then the rest.

The mean of equal blocks' means is the mean. The KPU pools 4x4 and 2x2 as a part of a
convolution; the CPU then averages a sixteenth or a quarter of the values. The KPU rounds each
block's mean down to a whole byte, so this is for the one who asks.
"""

from __future__ import annotations

from math import prod

import onnx

from harness.compiler.legalise.convolution import read
from harness.compiler.legalise.elementwise import ELEMENTWISE
from harness.compiler.legalise.graph import Graph, Writer, attribute
from harness.compiler.legalise.rewrite import OFF, Change, Context, Rewrite

_BLOCKS = (4, 2)


def _rewrite(context: Context, node: onnx.NodeProto) -> Change | None:
    graph = context.graph
    shape = graph.shape(node.input[0])
    if len(shape) != 4 or not _over_the_map(graph, node) or not _behind_a_convolution(graph, node):
        return None
    block = next((b for b in _BLOCKS if not shape[2] % b and not shape[3] % b), 0)
    if not block:
        return None
    new = Writer(graph, node)
    pooled = new.add(
        "AveragePool", [node.input[0]], kernel_shape=[block, block], strides=[block, block]
    )
    new.nodes[0].name += ".AveragePool"
    node.input[0] = pooled
    graph.replace(node, [*new.nodes, node])
    return Change(
        becomes=f"pooling by {block} on the KPU, and the mean of what is left",
        why="asked for: the KPU cannot reduce over an axis",
        cost=f"up to one step of the quantisation, for {prod(shape) // block**2} values on the CPU "
        f"in place of {prod(shape)}",
    )


def _over_the_map(graph: Graph, node: onnx.NodeProto) -> bool:
    if node.op_type == "GlobalAveragePool":
        return True
    stored = graph.constant(node, 1)
    axes = attribute(node, "axes", []) if stored is None else stored.tolist()
    return sorted(axis % 4 for axis in axes) == [2, 3]


def _behind_a_convolution(graph: Graph, node: onnx.NodeProto) -> bool:
    """Return whether the pooling can be a part of a full convolution."""
    before = graph.producer(node.input[0])
    if before is not None and before.op_type in ELEMENTWISE:
        before = graph.producer(before.input[0])
    if graph.only_reader(node.input[0]) is None or before is None or before.op_type != "Conv":
        return False
    conv = read(graph, before)
    # A stride, and a depthwise convolution, have taken the place of the pooling.
    return conv is not None and conv.strides == (1, 1) and conv.groups == 1


POOLING = Rewrite(
    name="pooling",
    op_types=frozenset({"GlobalAveragePool", "ReduceMean"}),
    title="global average pooling",
    modes={OFF: "as it is, on the CPU", "kpu": "pooling by 4 or 2 on the KPU first"},
    default=OFF,
    apply=_rewrite,
    offer="kpu",
)
