"""Instance, layer and group normalisation: exact on the CPU, or folded into the convolution.

nncase 1.9 looks the square and the square root up in tables of 256 values: where channels differ
much in scale, little is left of the small ones. The exact form takes the root by Heron's method,
`r ← r - (r - v / r) / 2`, whose operations stay in float. It starts at `(v + 1) / 2`, which is
never below the root and halves with each step until it is near, so the number of steps for float
precision is known: ε bounds the root from below, and deviations up to 1024 are counted with.

An instance normalisation does not see the scale or the bias of the channels before it. The
convolution there is given weights of norm 1 and no bias: its channels then use their bytes alike.

On request mean and deviation are constants instead (`harness.compiler.legalise.folded`).

nncase makes an addition of two tensors a convolution of both, on the CPU too: values are
subtracted here instead. It makes an operation with one constant number a table: numbers are
stored once a channel, or twice where there is one channel.
"""

from __future__ import annotations

from math import ceil, log2, prod

import numpy as np
import onnx

from harness.compiler.legalise.convolution import read
from harness.compiler.legalise.folded import fold
from harness.compiler.legalise.graph import Array, Graph, Writer
from harness.compiler.legalise.norm_reader import Norm, read_norm
from harness.compiler.legalise.rewrite import OFF, Change, Context, Rewrite

# Steps of Heron's method from a start up to twice too large: relative errors of 1/4, 1/40,
# 1/3000, 1e-7.
_LAST_STEPS = 4
# Largest deviation that is counted with, as a power of 2.
_MOST_DEVIATION = 10
# Operations over the whole map: two means, difference, square, scale, bias.
_PASSES = 6


def _rewrite(context: Context, node: onnx.NodeProto) -> Change | None:
    graph = context.graph
    norm = read_norm(graph, node)
    if norm is None:
        return None
    if context.mode == "fold" and (folded := fold(context, node, norm)):
        return folded
    epsilon = np.full(norm.statistics, norm.epsilon, np.float32)
    if node.op_type == "InstanceNormalization":
        epsilon = epsilon * _equalise(graph, norm)
    _exact(graph, node, norm, epsilon)
    return Change(
        becomes="mean, variance and root in float on the CPU",
        why="nncase takes the root from a table of 256 values",
        cost=f"{_PASSES * prod(norm.shape)} float operations on the CPU",
    )


def _equalise(graph: Graph, norm: Norm) -> Array:
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


def _exact(graph: Graph, node: onnx.NodeProto, norm: Norm, epsilon: Array) -> None:
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
    new: Writer, node: onnx.NodeProto, norm: Norm, centred: str, root: str, epsilon: Array
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


NORMALISATION = Rewrite(
    name="norm",
    op_types=frozenset({"InstanceNormalization", "LayerNormalization", "Div"}),
    title="instance, layer and group normalisation",
    modes={
        "exact": "in float on the CPU",
        "fold": "by constants from the calibration images; layer normalisation of lines exact",
        OFF: "as nncase does it",
    },
    default="exact",
    apply=_rewrite,
    offer="fold",
)
