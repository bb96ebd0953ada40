"""Cropped maps, made sure of: a pooling of 1x1 behind each crop.

nncase 1.9 cuts by pointing into the map. Where the quantisation changes at the same place it also
leaves out the copy that would join the lines, and the KPU, which knows no strides, reads on
across their ends: the model computes something else. Where it is the model's input that is cut,
channels too, nncase writes a file that its own runtime refuses: a function of the KPU finds its
input by the first byte only. A pooling of 1x1 is the same function, and runs on the CPU in float,
which does know strides.

Whether a model is concerned is seen when it is compiled (`harness.compiler.misread`): it depends
on the calibration images. So the mode `auto` changes nothing here, and a model that came out
wrong is compiled once more with `pool`.
"""

from __future__ import annotations

import numpy as np
import onnx

from harness.compiler.legalise.convolution import read
from harness.compiler.legalise.elementwise import ELEMENTWISE
from harness.compiler.legalise.graph import Graph, Writer, attribute
from harness.compiler.legalise.rewrite import OFF, Change, Context, Rewrite


def _rewrite(context: Context, node: onnx.NodeProto) -> Change | None:
    graph = context.graph
    if context.mode != "pool" or not _cuts(graph, node):
        return None
    last, reader = node, graph.only_reader(node.output[0])
    if node.op_type == "Conv" and reader is not None and reader.op_type in ELEMENTWISE:
        last = reader
    open_ = [place for place, name in enumerate(last.output) if not _is_copied(graph, name)]
    if not open_:
        return None
    new = Writer(graph, last)
    new.nodes.append(last)
    for place in open_:
        output = last.output[place]
        last.output[place] = graph.name(f"{output}.cut")
        new.add("MaxPool", [last.output[place]], output, kernel_shape=[1, 1])
    graph.replace(last, new.nodes)
    floats = sum(np.prod(graph.shape(one.output[0])) for one in new.nodes[1:])
    return Change(
        becomes=f"{node.op_type} and a pooling of 1x1",
        why="nncase 1.9 left out a copy behind a crop: the KPU would misread the map",
        cost=f"{floats} floats pooled by the CPU",
    )


def _is_copied(graph: Graph, name: str) -> bool:
    reader = graph.only_reader(name)
    return (
        reader is not None
        and reader.op_type == "MaxPool"
        and list(attribute(reader, "kernel_shape", [])) == [1, 1]
    )


def _cuts(graph: Graph, node: onnx.NodeProto) -> bool:
    """Return whether lines or columns are left out of a map, or channels of the model's input."""
    if node.op_type == "Pad":
        pads = graph.constant(node, 1)
        return pads is not None and bool((pads < 0).any())
    before, after = graph.shape(node.input[0]), graph.shape(node.output[0])
    if node.op_type == "Conv":
        conv = read(graph, node)
        return conv is not None and conv.strides == (1, 1) and after[2:] != before[2:]
    first = 0 if graph.producer(node.input[0]) is None else 2
    return len(before) == len(after) == 4 and before[first:] != after[first:]


CROP = Rewrite(
    name="crop",
    op_types=frozenset({"Conv", "Pad", "Slice", "Split"}),
    title="cropping, and convolution without padding",
    modes={
        "auto": "as pool if nncase's result is wrong, else as it is",
        "pool": "a pooling of 1x1 behind it",
        OFF: "as it is, right or wrong",
    },
    default="auto",
    apply=_rewrite,
)
