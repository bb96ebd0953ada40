"""Normalisations by constants: statistics of the calibration images, folded into the convolution.

Mean and deviation over the calibration images stand for those of the picture. That is another
function; how far off it is on those images is said. What is left is a factor and an offset a
channel, and with those that stand behind it (group normalisation, AdaIN) it goes into the weights
of the convolution in front, or is a depthwise one where there is none.

PyTorch writes group normalisation, and others that flatten the map, as an instance normalisation
between two reshapes; a group's channels then share their constants.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx

from harness.compiler.legalise.convolution import read
from harness.compiler.legalise.graph import Array, Graph, Writer
from harness.compiler.legalise.norm_reader import Norm
from harness.compiler.legalise.rewrite import Change, Context

# Over each channel's map, and over all of it.
_WHOLE_MAPS = ((2, 3), (1, 2, 3))


@dataclass
class _Affine:
    """What a folded normalisation is, while more is taken into it.

    Attributes:
        x: A tensor [1, C, H, W].
        output: The tensor that is computed from it.
        factor: One number a channel.
        offset: One number a channel, added behind that.
    """

    x: str
    output: str
    factor: Array
    offset: Array


def fold(context: Context, node: onnx.NodeProto, norm: Norm) -> Change | None:
    """Replace a normalisation by constants; None if it has others along a line of the map."""
    graph = context.graph
    ends = _ends(graph, node, norm)
    if ends is None:
        return None
    x, last = ends
    mean, deviation, noise = _statistics(context, norm)
    per_channel = np.ones(graph.shape(x)[1] // mean.size)
    by_map = norm.scale is not None and norm.scale.size != mean.size
    factor, offset = 1 / deviation, -mean / deviation
    if norm.scale is not None and not by_map:
        factor, offset = factor * norm.scale.reshape(-1), offset * norm.scale.reshape(-1)
        offset = offset if norm.bias is None else offset + norm.bias.reshape(-1)
    done = _Affine(x, last.output[0], np.kron(factor, per_channel), np.kron(offset, per_channel))
    graph.replace(node, [])
    if last is not node:
        graph.replace(last, [])
    if by_map:
        _by_map(graph, node, norm, done)
    _drop_unread(graph, x)
    _absorb(graph, done)
    _write(graph, node, done)
    return Change(
        becomes="constants in the convolution, from the calibration images",
        why="asked for: the KPU then computes it with the convolution",
        cost=f"exactness: {noise:.1%} of its output differ on the calibration images (L2)",
        noise=noise,
    )


def _ends(graph: Graph, node: onnx.NodeProto, norm: Norm) -> tuple[str, onnx.NodeProto] | None:
    """Return the map that is normalised, [1, C, H, W], and the node that gives the result."""
    if len(norm.shape) == 4:
        return (norm.x, node) if norm.axes in _WHOLE_MAPS else None
    before, after = graph.producer(norm.x), graph.only_reader(node.output[0])
    if node.op_type != "InstanceNormalization" or before is None or after is None:
        return None
    if before.op_type != "Reshape" or after.op_type != "Reshape":
        return None
    shape = graph.shape(before.input[0])
    if len(shape) != 4 or shape != graph.shape(after.output[0]) or shape[1] % norm.shape[1]:
        return None
    return before.input[0], after


def _statistics(context: Context, norm: Norm) -> tuple[Array, Array, float]:
    """Return means and deviations over all images, and the relative error of that."""
    values = [value.astype(np.float64) for value in context.samples.of(norm.x)]
    moments = [
        (
            value.mean(norm.axes, keepdims=True),
            np.sqrt(value.var(norm.axes, keepdims=True) + norm.epsilon),
        )
        for value in values
    ]
    mean = np.mean([one for one, _ in moments], axis=0)
    deviation = np.sqrt(np.mean([root**2 for _, root in moments], axis=0))
    wrong = total = 0.0
    for value, (own_mean, own_deviation) in zip(values, moments, strict=True):
        exact = (value - own_mean) / own_deviation
        folded = (value - mean) / deviation
        wrong, total = wrong + ((folded - exact) ** 2).sum(), total + (exact**2).sum()
    return mean.reshape(-1), deviation.reshape(-1), float(np.sqrt(wrong / max(total, 1e-30)))


def _by_map(graph: Graph, node: onnx.NodeProto, norm: Norm, done: _Affine) -> None:
    """Put scale and bias of each pixel, which no convolution has, behind it."""
    assert norm.scale is not None
    new = Writer(graph, node)
    output, done.output = done.output, graph.name(f"{done.output}.folded")
    scaled = output if norm.bias is None else ""
    y = new.add("Mul", [done.output, new.const("scale", norm.scale)], scaled)
    if norm.bias is not None:
        new.add("Add", [y, new.const("bias", norm.bias)], output)
    graph.nodes.extend(new.nodes)


def _drop_unread(graph: Graph, kept: str) -> None:
    """Drop what nobody reads any more: the parts of a normalisation that was spelled out."""
    while True:
        unread = [
            node
            for node in graph.nodes
            if not any(
                name == kept or name in graph.outputs or graph.consumers(name)
                for name in node.output
            )
        ]
        if not unread:
            return
        for node in unread:
            graph.replace(node, [])


def _absorb(graph: Graph, done: _Affine) -> None:
    """Take in products and sums with one constant a channel behind it."""
    while (reader := graph.only_reader(done.output)) is not None:
        value = _per_channel(graph, reader, done)
        if value is None:
            return
        if reader.op_type == "Mul":
            done.factor, done.offset = done.factor * value, done.offset * value
        else:
            done.offset = done.offset + value
        done.output = reader.output[0]
        graph.replace(reader, [])


def _per_channel(graph: Graph, node: onnx.NodeProto, done: _Affine) -> Array | None:
    """Return the constant that a node multiplies by or adds, one number a channel."""
    if node.op_type not in ("Mul", "Add"):
        return None
    stored = [graph.constants[name] for name in node.input if name in graph.constants]
    if len(stored) != 1:
        return None
    shape, channels = stored[0].shape, done.factor.size
    if (1,) * (4 - len(shape)) + shape not in ((1, 1, 1, 1), (1, channels, 1, 1)):
        return None
    return stored[0].reshape(-1).astype(np.float64)


def _write(graph: Graph, node: onnx.NodeProto, done: _Affine) -> None:
    """Multiply and add a channel: in the convolution in front, or as a depthwise one."""
    new = Writer(graph, node)
    if _alone_behind(graph, done.x, "ConvTranspose"):
        # The rewrite of transposed convolutions takes it into the weights.
        ones = np.ones_like(done.factor)
        values = {"factor": done.factor, "offset": done.offset, "mean": 0 * ones, "variance": ones}
        inputs = [new.const(name, value.astype(np.float32)) for name, value in values.items()]
        new.add("BatchNormalization", [done.x, *inputs], done.output, epsilon=0.0)
    elif not _in_front(graph, done):
        weight = new.const("factor", done.factor.reshape(-1, 1, 1, 1).astype(np.float32))
        inputs = [done.x, weight, new.const("offset", done.offset.astype(np.float32))]
        new.add("Conv", inputs, done.output, kernel_shape=[1, 1], group=done.factor.size)
    graph.nodes.extend(new.nodes)


def _in_front(graph: Graph, done: _Affine) -> bool:
    """Take it into the convolution that the map comes from; return whether there is one."""
    before = _alone_behind(graph, done.x, "Conv")
    conv = read(graph, before) if before is not None else None
    if before is None or conv is None:
        return False
    weights = conv.weights * done.factor.reshape(-1, 1, 1, 1)
    before.input[1] = graph.store(f"{before.input[1]}.folded", weights.astype(np.float32))
    del before.input[2:]
    bias = conv.bias * done.factor + done.offset
    before.input.append(graph.store(f"{before.input[1]}.bias", bias.astype(np.float32)))
    before.output[0] = done.output
    return True


def _alone_behind(graph: Graph, name: str, op_type: str) -> onnx.NodeProto | None:
    """Return the node of a type that a tensor comes from, if nobody reads that any more."""
    node = graph.producer(name)
    if node is None or node.op_type != op_type or graph.consumers(name) or name in graph.outputs:
        return None
    return node
