"""Instructions that look at windows or at all pairs."""

from __future__ import annotations

from harness.kmodel.memory import DType
from harness.kmodel.operations import (
    Conv2d,
    Gru,
    GruDirection,
    MatMul,
    Operation,
    Padding,
    ReduceOp,
    ReduceWindow2d,
    RoiAlign,
    RoiMode,
)
from harness.kmodel.v5.tensors.instruction import Instruction


def _pair(instruction: Instruction, name: str) -> tuple[int, int]:
    pair = instruction.number(f"{name}_h"), instruction.number(f"{name}_w")
    if 0 in pair:
        instruction.machine.fail(f"{name} of {instruction.name}", pair, "numbers above 0")
    return pair


def _image(instruction: Instruction, shape: tuple[int, ...], what: str) -> None:
    if len(shape) != 4:
        instruction.machine.fail(f"shape of {what} of {instruction.name}", shape, "four axes")


def _window(
    instruction: Instruction,
    sizes: tuple[int, ...],
    filters: tuple[int, int],
    paddings: tuple[Padding, Padding],
) -> tuple[int, ...]:
    strides, dilations = _pair(instruction, "stride"), _pair(instruction, "dilation")
    return tuple(
        (size + pad.before + pad.after - (kernel - 1) * dilation - 1 + stride) // stride
        for size, kernel, pad, stride, dilation in zip(
            sizes, filters, paddings, strides, dilations, strict=True
        )
    )


def conv2d(instruction: Instruction) -> Operation:
    """A convolution in NCHW."""
    machine, dtype = instruction.machine, instruction.dtype()
    paddings = instruction.padding("padding_h"), instruction.padding("padding_w")
    into, kernel = instruction.tensor("x", dtype), instruction.tensor("w", dtype)
    _image(instruction, into.shape, "the input")
    _image(instruction, kernel.shape, "the weights")
    channels, per_group, *filters = kernel.shape
    groups = instruction.number("groups")
    if into.shape[1] != per_group * groups or groups == 0 or channels % groups:
        machine.fail("groups of conv2d", groups, f"what divides {into.shape[1]} and {channels}")
    size = _window(instruction, into.shape[2:], (filters[0], filters[1]), paddings)
    return Conv2d(
        name="",
        offset=instruction.at,
        inputs=(into, kernel, instruction.tensor("bias", dtype, (channels,))),
        outputs=(instruction.tensor("out", dtype, (into.shape[0], channels, *size)),),
        groups=groups,
        padding_h=paddings[0],
        padding_w=paddings[1],
        stride=_pair(instruction, "stride"),
        dilation=_pair(instruction, "dilation"),
        clamp=instruction.clamp(),
    )


def reduce_window2d(instruction: Instruction) -> Operation:
    """Pooling in NCHW."""
    dtype = instruction.dtype()
    paddings = instruction.padding("padding_h"), instruction.padding("padding_w")
    into = instruction.tensor("x", dtype)
    _image(instruction, into.shape, "the input")
    filters = _pair(instruction, "filter")
    size = _window(instruction, into.shape[2:], filters, paddings)
    return ReduceWindow2d(
        name="",
        offset=instruction.at,
        inputs=(into,),
        outputs=(instruction.tensor("out", dtype, (*into.shape[:2], *size)),),
        op=instruction.choice("op", tuple(ReduceOp)),
        filter=filters,
        padding_h=paddings[0],
        padding_w=paddings[1],
        stride=_pair(instruction, "stride"),
        dilation=_pair(instruction, "dilation"),
        initial=instruction.scalar("initial"),
        clamp=instruction.clamp(),
    )


def matmul(instruction: Instruction) -> Operation:
    """A matrix product with bias; float32."""
    machine = instruction.machine
    left, right = instruction.tensor("a", DType.F32), instruction.tensor("b", DType.F32)
    if min(len(left.shape), len(right.shape)) < 2 or left.shape[-1] != right.shape[-2]:
        machine.fail("shapes of matmul", (left.shape, right.shape), "[…, m, k] and […, k, n]")
    columns = right.shape[-1]
    if "out_shape" in instruction.operands:
        shape = instruction.shape("out")
    else:
        shape = (*left.shape[:-1], columns)
    return MatMul(
        name="",
        offset=instruction.at,
        inputs=(left, right, instruction.tensor("bias", DType.F32, (columns,))),
        outputs=(instruction.tensor("out", DType.F32, shape),),
        clamp=instruction.clamp(),
    )


def roi_align(instruction: Instruction) -> Operation:
    """Pooling of regions."""
    dtype = instruction.dtype()
    shape = instruction.shape("out")
    _image(instruction, shape, "the result")
    return RoiAlign(
        name="",
        offset=instruction.at,
        inputs=(
            instruction.tensor("x", dtype),
            instruction.tensor("regions", dtype, (shape[0], 4)),
            instruction.tensor("batches", DType.I64, (shape[0],)),
        ),
        outputs=(instruction.tensor("out", dtype),),
        mode=instruction.choice("mode", tuple(RoiMode)),
        spatial_scale=instruction.real("spatial_scale"),
        sampling_ratio=instruction.number("sampling_ratio"),
    )


def gru(instruction: Instruction) -> Operation:
    """A recurrent layer; float32."""
    into, gates = instruction.shape("x"), instruction.shape("w")
    if len(into) != 3 or len(gates) != 3:
        instruction.machine.fail("shapes of gru", (into, gates), "three axes each")
    (steps, batches, _), (ways, wide, _) = into, gates
    hidden = wide // 3
    state = ways, batches, hidden
    f32 = DType.F32
    return Gru(
        name="",
        offset=instruction.at,
        inputs=(
            instruction.tensor("x", f32),
            instruction.tensor("w", f32),
            instruction.tensor("r", f32, (ways, wide, hidden)),
            instruction.tensor("b", f32, (ways, 2 * wide)),
            instruction.tensor("initial", f32, state),
        ),
        outputs=(
            instruction.tensor("out", f32, (steps, ways, batches, hidden)),
            instruction.tensor("last", f32, state),
        ),
        direction=instruction.choice("direction", tuple(GruDirection)),
        linear_before_reset=bool(instruction.operands.get("linear_before_reset", False)),
    )
