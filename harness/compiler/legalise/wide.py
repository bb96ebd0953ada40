"""Kernels that the KPU lacks → 3x3, over pixels packed into channels where they reach further.

Blocks of b x b pixels become channels (a pixel shuffle backwards), a 3x3 convolution over blocks
reaches b pixels further on each side, and its output channels become pixels again. Which weight
goes where is arithmetic: output pixel `(b / s) q + r` of a convolution with stride `s`, padding
`p` and dilation `d` reads input pixel `b q + s r + d k - p`, which lies in block
`q + floor((s r + d k - p) / b)`. Where b = 1 is enough, weights of zero fill the kernel up and
nothing is moved. On request kernels are cut up instead (`harness.compiler.legalise.shifted`), and
depthwise ones, whose channels have to stay apart, in no other way.

nncase 1.9 computes all these on the CPU in float. The shuffles move bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx

from harness.compiler.fallback import KERNELS, MAX_CHANNELS, MIN_SIDE
from harness.compiler.legalise import shifted
from harness.compiler.legalise.convolution import Convolution, read
from harness.compiler.legalise.graph import Array, Graph, Writer
from harness.compiler.legalise.rewrite import OFF, Change, Context, Rewrite

_BLOCKS = range(1, 9)


@dataclass(frozen=True)
class _Plan:
    """How a convolution is packed.

    Attributes:
        block: Lines and columns of a block.
        phases: Output lines and columns a block.
        size: Blocks, down and across.
    """

    block: int
    phases: int
    size: tuple[int, int]


def _rewrite(context: Context, node: onnx.NodeProto) -> Change | None:
    conv = read(context.graph, node)
    if conv is None or not (conv.groups == 1 or conv.depthwise) or _is_fine(conv):
        return None
    done = _done(context, node, conv)
    if done is None:
        return None
    becomes, macs = done
    lines, columns = conv.kernel
    return Change(
        becomes=becomes,
        why=f"kernel {lines}x{columns}, stride {conv.strides[0]}, dilation {conv.dilations[0]}: "
        "the KPU has 1x1 and 3x3",
        cost=f"{macs / 1e6:.3g} M multiply-accumulates on the KPU for {conv.macs / 1e6:.3g} M",
    )


def _done(context: Context, node: onnx.NodeProto, conv: Convolution) -> tuple[str, int] | None:
    """Rewrite in the way that the mode has for it; return what it becomes, and its MACs."""
    plan = _plan(conv)
    filled = plan is not None and plan.block == 1
    if context.mode == "fill" and not filled:
        return None
    cut = shifted.pieces(conv) if context.mode == "shifted" else None
    if cut and not filled:
        macs = shifted.write(context.graph, node, conv)
        kind = "3x3 convolution" if conv.groups == 1 else "depthwise 3x3 convolution, summed,"
        return f"a {kind} over {prod(cut)} shifted copies", macs
    if plan is None:
        return None
    _write(context.graph, node, conv, plan)
    macs = 9 * conv.weights[..., 0, 0].size * plan.block**2 * plan.phases**2 * prod(plan.size)
    if filled:
        return "a 3x3 convolution, filled up with zeros", macs
    return f"a 3x3 convolution over blocks of {plan.block}x{plan.block} pixels", macs


def _is_fine(conv: Convolution) -> bool:
    """Return whether nncase puts it on the KPU by itself."""
    return conv.kernel in KERNELS and conv.dilations == (1, 1) and max(conv.strides) <= 2


def _plan(conv: Convolution) -> _Plan | None:
    """Return the smallest blocks that are enough, whole ones first; None if there are none."""
    stride, _ = conv.strides
    if conv.strides != (stride, stride):
        return None
    inputs, outputs = conv.input_shape[1], conv.output_shape[1]
    whole = [b for b in _BLOCKS if not any(side % b for side in conv.input_shape[2:])]
    # Packed channels of a block would have to mix.
    blocks = [*whole, *(b for b in _BLOCKS if b not in whole)] if conv.groups == 1 else [1]
    for block in blocks:
        phases = block // stride
        if block % stride:
            continue
        size = tuple(
            max(-(-side // block), -(-result // phases))
            for side, result in zip(conv.input_shape[2:], conv.output_shape[2:], strict=True)
        )
        if block > 1 and min(size) < MIN_SIDE:
            continue
        if max(inputs * block**2, outputs * phases**2) > MAX_CHANNELS:
            continue
        if all(_reaches(conv, axis, block, phases) for axis in (0, 1)):
            return _Plan(block, phases, (size[0], size[1]))
    return None


def _reaches(conv: Convolution, axis: int, block: int, phases: int) -> bool:
    return all(-1 <= place // block <= 1 for _, _, place in _places(conv, axis, phases))


def _places(conv: Convolution, axis: int, phases: int) -> list[tuple[int, int, int]]:
    """Return (output phase, weight, place of the input pixel before or behind the block)."""
    return [
        (phase, k, conv.strides[axis] * phase + conv.dilations[axis] * k - conv.pads[axis])
        for phase in range(phases)
        for k in range(conv.kernel[axis])
    ]


def _write(graph: Graph, node: onnx.NodeProto, conv: Convolution, plan: _Plan) -> None:
    new = Writer(graph, node)
    output = node.output[0]
    cut = [plan.phases * n - out for n, out in zip(plan.size, conv.output_shape[2:], strict=True)]
    x = _pack(new, node.input[0], conv, plan)
    bias = np.repeat(conv.bias, plan.phases**2)
    inputs = [x, new.const("weight", _weights(conv, plan)), new.const("bias", bias)]
    last = "" if plan.phases > 1 or any(cut) else output
    x = new.add("Conv", inputs, last, kernel_shape=[3, 3], pads=[1] * 4, group=conv.groups)
    if plan.phases > 1:
        last = "" if any(cut) else output
        x = new.add("DepthToSpace", [x], last, blocksize=plan.phases, mode="CRD")
    if any(cut):
        pads: Any = np.array([0] * 6 + [-cut[0], -cut[1]])
        new.add("Pad", [x, new.const("cut", pads)], output)
    graph.replace(node, new.nodes)


def _pack(new: Writer, x: str, conv: Convolution, plan: _Plan) -> str:
    """Return [1, C b², H / b, W / b], filled up with zeros to whole blocks."""
    _, channels, height, width = conv.input_shape
    lines, columns = plan.size
    missing = [lines * plan.block - height, columns * plan.block - width]
    if any(missing):
        pads: Any = np.array([0] * 6 + missing)
        x = new.add("Pad", [x, new.const("fill", pads)])
    if plan.block == 1:
        return x
    split: Any = np.array([1, channels, lines, plan.block, columns, plan.block])
    packed: Any = np.array([1, channels * plan.block**2, lines, columns])
    x = new.add("Reshape", [x, new.const("split", split)])
    x = new.add("Transpose", [x], perm=[0, 1, 3, 5, 2, 4])
    return new.add("Reshape", [x, new.const("packed", packed)])


def _weights(conv: Convolution, plan: _Plan) -> Array:
    outputs, inputs = conv.weights.shape[:2]
    phases, block = plan.phases, plan.block
    result = np.zeros((outputs, phases, phases, inputs, block, block, 3, 3), conv.weights.dtype)
    for row, k_row, line in _places(conv, 0, phases):
        for column, k_column, at in _places(conv, 1, phases):
            taps = (line // block + 1, at // block + 1)
            result[:, row, column, :, line % block, at % block, taps[0], taps[1]] = conv.weights[
                :, :, k_row, k_column
            ]
    return result.reshape(outputs * phases**2, inputs * block**2, 3, 3)


WIDE = Rewrite(
    name="kernel",
    op_types=frozenset({"Conv"}),
    title="kernels other than 1x1 and 3x3, dilation, stride above 2",
    modes={
        "fill": "up to 3x3 with zeros, where that is all; others as they are",
        "kpu": "3x3 over blocks of pixels as well, but for depthwise ones",
        "shifted": "3x3 over copies shifted by 3 pixels, where that goes, else as kpu",
        OFF: "as they are, on the CPU",
    },
    default="fill",
    apply=_rewrite,
    offer="kpu",
)
