"""Grouped convolution → one dense convolution with zeros, or one convolution a group.

The KPU has full and depthwise convolution, and nncase 1.9 leaves anything between to the CPU.
Dense costs as many times the multiply-accumulates and weights as there are groups, and is one
layer; split costs a layer a group, and the CPU cuts and joins the maps.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import onnx

from harness.compiler.legalise.convolution import Convolution, read
from harness.compiler.legalise.graph import Array, Writer
from harness.compiler.legalise.rewrite import OFF, Change, Context, Rewrite

# Bytes of weights up to which dense is taken: loading them is then cheaper than more layers.
_DENSE_BYTES = 256 * 1024


def _rewrite(context: Context, node: onnx.NodeProto) -> Change | None:
    conv = read(context.graph, node)
    if conv is None or conv.groups == 1 or conv.depthwise:
        return None
    mode = context.mode
    if mode == "auto":
        mode = "dense" if prod(conv.weights.shape) * conv.groups <= _DENSE_BYTES else "split"
    write = _dense if mode == "dense" else _split
    new = Writer(context.graph, node)
    cost = write(new, node, conv)
    context.graph.replace(node, new.nodes)
    return Change(
        becomes="one dense convolution" if mode == "dense" else f"{conv.groups} convolutions",
        why=f"{conv.groups} groups: the KPU has full and depthwise convolution",
        cost=cost,
    )


def _attributes(conv: Convolution) -> dict[str, Any]:
    return {
        "kernel_shape": list(conv.kernel),
        "strides": list(conv.strides),
        "dilations": list(conv.dilations),
        "pads": list(conv.pads),
    }


def _dense(new: Writer, node: onnx.NodeProto, conv: Convolution) -> str:
    dense = new.const("weight", _with_zeros(conv))
    inputs = [node.input[0], dense, new.const("bias", conv.bias)]
    new.add("Conv", inputs, node.output[0], **_attributes(conv))
    more = conv.macs * (conv.groups - 1)
    return f"{more / 1e6:.3g} M multiply-accumulates with zeros"


def _with_zeros(conv: Convolution) -> Array:
    outputs, inputs = conv.weights.shape[:2]
    group = outputs // conv.groups
    dense = np.zeros((outputs, inputs * conv.groups, *conv.kernel), conv.weights.dtype)
    for index in range(conv.groups):
        rows, columns = slice(index * group, (index + 1) * group), index * inputs
        dense[rows, columns : columns + inputs] = conv.weights[rows]
    return dense


def _split(new: Writer, node: onnx.NodeProto, conv: Convolution) -> str:
    group_in, group_out = conv.weights.shape[1], conv.weights.shape[0] // conv.groups
    axis = new.const("axis", np.array([1]))
    parts = []
    for index in range(conv.groups):
        rows = slice(index * group_out, (index + 1) * group_out)
        first = new.const("first", np.array([index * group_in]))
        behind = new.const("behind", np.array([(index + 1) * group_in]))
        part = new.add("Slice", [node.input[0], first, behind, axis])
        inputs = [
            part,
            new.const("weight", conv.weights[rows]),
            new.const("bias", conv.bias[rows]),
        ]
        parts.append(new.add("Conv", inputs, **_attributes(conv)))
    new.add("Concat", parts, node.output[0], axis=1)
    moved = prod(conv.input_shape) + prod(conv.output_shape)
    return f"{conv.groups} KPU layers, and {moved} values moved by the CPU"


GROUPED = Rewrite(
    name="grouped",
    op_types=frozenset({"Conv"}),
    title="grouped convolution",
    modes={
        "auto": f"dense up to {_DENSE_BYTES // 1024} KiB of weights, else split",
        "dense": "one convolution with zeros",
        "split": "one convolution a group",
        OFF: "as it is, on the CPU",
    },
    default="auto",
    apply=_rewrite,
)
