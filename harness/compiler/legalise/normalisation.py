"""Instance, layer and group normalisation: exact on the CPU, or folded into the convolution.

nncase 1.9 looks the square and the square root up in tables of 256 values: where channels differ
much in scale, little is left of the small ones. The exact form takes the root by Heron's method,
`r ← r - (r - v / r) / 2`, whose operations stay in float. It starts at `(v + 1) / 2`, which is
never below the root and halves with each step until it is near, so the number of steps for float
precision is known: ε bounds the root from below, and deviations up to 1024 are counted with.

An instance normalisation does not see the scale or the bias of the channels before it. The
convolution there is given weights of norm 1 and no bias: its channels then use their bytes alike.

Folded, the mean and the deviation over the calibration images stand for those of the picture.
That is another function; how far off it is on those images is said.

nncase makes an addition of two tensors a convolution of both, on the CPU too: values are
subtracted here instead. It makes an operation with one constant number a table: numbers are
stored once a channel, or twice where there is one channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2, prod

import numpy as np
import onnx

from harness.compiler.legalise.convolution import read
from harness.compiler.legalise.graph import Array, Graph, Writer, attribute
from harness.compiler.legalise.rewrite import OFF, Change, Context, Rewrite

# Steps of Heron's method from a start up to twice too large: relative errors of 1/4, 1/40,
# 1/3000, 1e-7.
_LAST_STEPS = 4
# Largest deviation that is counted with, as a power of 2.
_MOST_DEVIATION = 10
# Operations over the whole map: two means, difference, square, scale, bias.
_PASSES = 6


@dataclass(frozen=True)
class _Norm:
    """A normalisation.

    Attributes:
        x: What is normalised.
        shape: Its shape.
        axes: The axes over which mean and deviation are taken.
        epsilon: Added to the variance.
        scale: Multiplied behind it; broadcasts against x. None for 1.
        bias: Added behind that. None for 0.
    """

    x: str
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    epsilon: float
    scale: Array | None
    bias: Array | None

    @property
    def statistics(self) -> tuple[int, ...]:
        """Shape of the mean."""
        return tuple(1 if i in self.axes else size for i, size in enumerate(self.shape))


def _rewrite(context: Context, node: onnx.NodeProto) -> Change | None:
    graph = context.graph
    norm = _read(graph, node)
    if norm is None:
        return None
    if context.mode == "fold" and node.op_type == "InstanceNormalization" and len(norm.shape) == 4:
        return _fold(context, node, norm)
    epsilon = np.full(norm.statistics, norm.epsilon, np.float32)
    if node.op_type == "InstanceNormalization":
        epsilon = epsilon * _equalise(graph, norm)
    _exact(graph, node, norm, epsilon)
    return Change(
        becomes="mean, variance and root in float on the CPU",
        why="nncase takes the root from a table of 256 values",
        cost=f"{_PASSES * prod(norm.shape)} float operations on the CPU",
    )


def _read(graph: Graph, node: onnx.NodeProto) -> _Norm | None:
    if node.op_type == "Div":
        return _read_spelled_out(graph, node)
    shape, scale = graph.shape(node.input[0]), graph.constant(node, 1)
    bias = graph.constant(node, 2)
    if len(shape) < 3 or scale is None or (len(node.input) > 2 and bias is None):
        return None
    epsilon = attribute(node, "epsilon", 1e-5)
    if node.op_type == "LayerNormalization":
        axis = attribute(node, "axis", -1) % len(shape)
        if len([name for name in node.output if name]) > 1:
            return None
        axes = tuple(range(axis, len(shape)))
        return _Norm(node.input[0], shape, axes, epsilon, scale, bias)
    a_channel = (1, -1, *(1,) * (len(shape) - 2))
    axes = tuple(range(2, len(shape)))
    if bias is None:
        return None
    scaled = scale.reshape(a_channel), bias.reshape(a_channel)
    return _Norm(node.input[0], shape, axes, epsilon, *scaled)


def _read_spelled_out(graph: Graph, node: onnx.NodeProto) -> _Norm | None:
    """Read `(x - mean) / sqrt(mean((x - mean)²) + ε)`, as PyTorch writes layer normalisation."""
    centred, root = _from(graph, node, 0, "Sub"), _from(graph, node, 1, "Sqrt")
    mean, sum_ = _from(graph, centred, 1, "ReduceMean"), _from(graph, root, 0, "Add")
    variance = _from(graph, sum_, 0, "ReduceMean")
    square = _from(graph, variance, 0, "Pow")
    if centred is None or mean is None or sum_ is None or variance is None or square is None:
        return None
    epsilon, power = graph.constant(sum_, 1), graph.constant(square, 1)
    shape = graph.shape(centred.input[0])
    axes = _axes(graph, mean, shape)
    if epsilon is None or epsilon.size != 1 or power is None or (power != 2).any():
        return None
    if mean.input[0] != centred.input[0] or square.input[0] != centred.output[0]:
        return None
    if not axes or axes != _axes(graph, variance, shape):
        return None
    return _Norm(centred.input[0], shape, axes, float(epsilon.reshape(-1)[0]), None, None)


def _from(
    graph: Graph, node: onnx.NodeProto | None, position: int, op_type: str
) -> onnx.NodeProto | None:
    """Return the node that an input of another comes from, if it is of a type."""
    found = graph.producer(node.input[position]) if node is not None else None
    return found if found is not None and found.op_type == op_type else None


def _axes(graph: Graph, node: onnx.NodeProto, shape: tuple[int, ...]) -> tuple[int, ...]:
    stored = graph.constant(node, 1)
    axes = attribute(node, "axes") if stored is None else stored.tolist()
    if not axes or not attribute(node, "keepdims", 1) or not shape:
        return ()
    return tuple(sorted(axis % len(shape) for axis in axes))


def _equalise(graph: Graph, norm: _Norm) -> Array:
    """Give the convolution in front weights of norm 1 and no bias; return what ε is times."""
    before = graph.source(norm.x, "Conv")
    conv = read(graph, before) if before is not None else None
    if before is None or conv is None:
        return np.ones(norm.statistics, np.float32)
    size = np.sqrt((conv.weights.astype(np.float64) ** 2).sum(axis=(1, 2, 3)))
    size[size == 0] = 1
    equal = (conv.weights / size[:, None, None, None]).astype(np.float32)
    before.input[1] = graph.store(f"{before.input[1]}.equal", equal)
    del before.input[2:]
    return np.asarray(1 / size**2, np.float32).reshape(norm.statistics)


def _exact(graph: Graph, node: onnx.NodeProto, norm: _Norm, epsilon: Array) -> None:
    new = Writer(graph, node)
    if prod(norm.statistics) == 1:
        epsilon = np.repeat(epsilon, 2, axis=-1)
    half = new.const("half", np.full_like(epsilon, 0.5))
    mean = new.reduce("ReduceMean", norm.x, norm.axes)
    centred = new.add("Sub", [norm.x, mean])
    square = new.add("Mul", [centred, centred])
    variance = new.reduce("ReduceMean", square, norm.axes)
    variance = new.add("Sub", [variance, new.const("minus_epsilon", -epsilon)])
    start = new.add("Sub", [variance, new.const("minus_one", -np.ones_like(epsilon))])
    root = new.add("Mul", [start, half])
    for _ in range(_steps(float(epsilon.min()))):
        over = new.add("Sub", [root, new.add("Div", [variance, root])])
        root = new.add("Sub", [root, new.add("Mul", [over, half])])
    _scaled(new, node, norm, centred, root, epsilon)
    graph.replace(node, new.nodes)


def _steps(epsilon: float) -> int:
    return _LAST_STEPS + ceil(max(_MOST_DEVIATION, -log2(max(epsilon, 1e-30)) / 2)) - 1


def _scaled(
    new: Writer, node: onnx.NodeProto, norm: _Norm, centred: str, root: str, epsilon: Array
) -> None:
    output = node.output[0]
    scale = np.ones_like(epsilon) if norm.scale is None else norm.scale
    per_statistic = scale.shape == epsilon.shape
    numerator = scale if per_statistic else np.ones_like(epsilon)
    factor = new.add("Div", [new.const("scale", numerator.astype(np.float32)), root])
    if epsilon.shape != norm.statistics:
        factor = new.reduce("ReduceMean", factor, [len(norm.shape) - 1])
    plain = norm.bias is None and per_statistic
    y = new.add("Mul", [centred, factor], output if plain else "")
    if not per_statistic:
        weights = new.const("weights", np.broadcast_to(scale, norm.shape[-scale.ndim :]))
        y = new.add("Mul", [y, weights], output if norm.bias is None else "")
    if norm.bias is not None:
        new.add("Sub", [y, new.const("minus_bias", -norm.bias)], output)


def _fold(context: Context, node: onnx.NodeProto, norm: _Norm) -> Change:
    graph = context.graph
    mean, deviation, noise = _statistics(context, norm)
    scale = np.ones_like(mean) if norm.scale is None else norm.scale.reshape(-1)
    bias = np.zeros_like(mean) if norm.bias is None else norm.bias.reshape(-1)
    factor = scale / deviation
    _affine(graph, node, norm, factor, bias - mean * factor)
    return Change(
        becomes="constants in the convolution, from the calibration images",
        why="asked for: the KPU then computes it with the convolution",
        cost=f"exactness: {noise:.1%} of its output differ on the calibration images (L2)",
        noise=noise,
    )


def _statistics(context: Context, norm: _Norm) -> tuple[Array, Array, float]:
    """Return mean and deviation a channel over all images, and the relative error of that."""
    values = [value.astype(np.float64)[0] for value in context.samples.of(norm.x)]
    moments = [(value.mean((1, 2)), np.sqrt(value.var((1, 2)) + norm.epsilon)) for value in values]
    mean = np.mean([one for one, _ in moments], axis=0)
    deviation = np.sqrt(np.mean([root**2 for _, root in moments], axis=0))
    wrong = total = 0.0
    for value, (own_mean, own_deviation) in zip(values, moments, strict=True):
        exact = (value - own_mean[:, None, None]) / own_deviation[:, None, None]
        folded = (value - mean[:, None, None]) / deviation[:, None, None]
        wrong, total = wrong + ((folded - exact) ** 2).sum(), total + (exact**2).sum()
    return mean, deviation, float(np.sqrt(wrong / max(total, 1e-30)))


def _affine(graph: Graph, node: onnx.NodeProto, norm: _Norm, factor: Array, offset: Array) -> None:
    """Multiply and add a channel: in the convolution in front, or as a depthwise one."""
    new = Writer(graph, node)
    if graph.source(norm.x, "ConvTranspose") is not None:
        # The rewrite of transposed convolutions takes it into the weights.
        ones = np.ones_like(factor)
        values = {"factor": factor, "offset": offset, "mean": 0 * ones, "variance": ones}
        inputs = [new.const(name, value.astype(np.float32)) for name, value in values.items()]
        new.add("BatchNormalization", [norm.x, *inputs], node.output[0], epsilon=0.0)
        graph.replace(node, new.nodes)
        return
    before = graph.source(norm.x, "Conv")
    conv = read(graph, before) if before is not None else None
    if before is None or conv is None:
        weight = new.const("factor", factor.reshape(-1, 1, 1, 1).astype(np.float32))
        inputs = [norm.x, weight, new.const("offset", offset.astype(np.float32))]
        new.add("Conv", inputs, node.output[0], kernel_shape=[1, 1], group=factor.size)
        graph.replace(node, new.nodes)
        return
    weights = conv.weights * factor.reshape(-1, 1, 1, 1)
    before.input[1] = new.const("weight", weights.astype(np.float32))
    del before.input[2:]
    before.input.append(new.const("bias", (conv.bias * factor + offset).astype(np.float32)))
    before.output[0] = node.output[0]
    graph.replace(node, [])


NORMALISATION = Rewrite(
    name="norm",
    op_types=frozenset({"InstanceNormalization", "LayerNormalization", "Div"}),
    title="instance, layer and group normalisation",
    modes={
        "exact": "in float on the CPU",
        "fold": "instance normalisation by constants from the calibration images; others exact",
        OFF: "as nncase does it",
    },
    default="exact",
    apply=_rewrite,
    offer="fold",
)
