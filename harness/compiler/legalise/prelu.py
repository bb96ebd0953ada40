"""PReLU → a leaky ReLU where all slopes are equal, else two convolutions.

`prelu(x) = relu(x) - a relu(-x)` with a slope `a` a channel: the convolution in front computes
`x` and `-x`, its activation is ReLU, and a 1x1 convolution adds them. All of it runs on the KPU;
nncase 1.9 multiplies and joins on the CPU in float.
"""

from __future__ import annotations

from math import prod

import numpy as np
import onnx

from harness.compiler.fallback import MAX_CHANNELS
from harness.compiler.legalise.convolution import read
from harness.compiler.legalise.graph import Array, Graph, Writer
from harness.compiler.legalise.rewrite import OFF, Change, Context, Rewrite

_WHY = "the KPU has one activation for all channels"


def _rewrite(context: Context, node: onnx.NodeProto) -> Change | None:
    graph = context.graph
    slopes, shape = graph.constant(node, 1), graph.shape(node.input[0])
    if slopes is None or len(shape) != 4 or 2 * shape[1] > MAX_CHANNELS:
        return None
    if slopes.size not in (1, shape[1]) or (slopes.ndim > 3 and slopes.shape[0] != 1):
        return None
    if slopes.size > 1 and slopes.shape[-2:] != (1, 1):
        return None
    slopes = slopes.reshape(-1)
    if (slopes == slopes[0]).all():
        return _leaky(graph, node, float(slopes[0]))
    return _two_sided(graph, node, slopes, shape)


def _leaky(graph: Graph, node: onnx.NodeProto, slope: float) -> Change:
    new = Writer(graph, node)
    new.add("LeakyRelu", [node.input[0]], node.output[0], alpha=slope)
    graph.replace(node, new.nodes)
    return Change(becomes="a leaky ReLU", why="its slopes are all equal")


def _two_sided(graph: Graph, node: onnx.NodeProto, slopes: Array, shape: tuple[int, ...]) -> Change:
    new = Writer(graph, node)
    both = new.add("Relu", [_both_signs(graph, node, new, shape[1])])
    one = np.eye(shape[1], dtype=np.float32)
    weights = np.concatenate([one, -slopes.astype(np.float32) * one], axis=1)[:, :, None, None]
    new.add("Conv", [both, new.const("weight", weights)], node.output[0], kernel_shape=[1, 1])
    graph.replace(node, new.nodes)
    macs = 2 * shape[1] * prod(shape[1:])
    return Change(
        becomes="ReLU of x and of -x, added by a 1x1 convolution",
        why=_WHY,
        cost=f"{macs / 1e6:.3g} M multiply-accumulates more, and the convolution in front twice",
    )


def _both_signs(graph: Graph, node: onnx.NodeProto, new: Writer, channels: int) -> str:
    """Return a tensor with x and -x, from the convolution in front if nobody else reads it."""
    before = graph.source(node.input[0], "Conv")
    conv = read(graph, before) if before is not None else None
    if before is None or conv is None or conv.groups != 1:
        one = np.eye(channels, dtype=np.float32)
        signs = np.concatenate([one, -one])[:, :, None, None]
        inputs = [node.input[0], new.const("signs", signs)]
        return new.add("Conv", inputs, kernel_shape=[1, 1])
    before.input[1] = new.const("both", np.concatenate([conv.weights, -conv.weights]))
    del before.input[2:]
    before.input.append(new.const("biases", np.concatenate([conv.bias, -conv.bias])))
    before.output[0] = graph.name(f"{before.output[0]}.both")
    return str(before.output[0])


PRELU = Rewrite(
    name="prelu",
    op_types=frozenset({"PRelu"}),
    title="PReLU",
    modes={"kpu": "leaky ReLU, or ReLU of both signs and a 1x1 convolution", OFF: "as it is"},
    default="kpu",
    apply=_rewrite,
)
