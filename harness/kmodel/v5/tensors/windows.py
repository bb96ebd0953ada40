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
    """Take padding of the width, of the height, out, bias, weights, x."""
    machine, dtype = instruction.machine, instruction.dtype()
    padding_w, padding_h = machine.pop_padding(), machine.pop_padding()
    out, bias, weights, source = (machine.pop_address() for _ in range(4))
    into, kernel = instruction.tensor(source, "x", dtype), instruction.tensor(weights, "w", dtype)
    _image(instruction, into.shape, "the input")
    _image(instruction, kernel.shape, "the weights")
    channels, per_group, *filters = kernel.shape
    groups = instruction.number("groups")
    if into.shape[1] != per_group * groups or groups == 0 or channels % groups:
        machine.fail("groups of conv2d", groups, f"what divides {into.shape[1]} and {channels}")
    size = _window(instruction, into.shape[2:], (filters[0], filters[1]), (padding_h, padding_w))
    return Conv2d(
        name="",
        offset=instruction.at,
        inputs=(into, kernel, instruction.tensor(bias, "bias", dtype, (channels,))),
        outputs=(instruction.tensor(out, "out", dtype, (into.shape[0], channels, *size)),),
        groups=groups,
        padding_h=padding_h,
        padding_w=padding_w,
        stride=_pair(instruction, "stride"),
        dilation=_pair(instruction, "dilation"),
        clamp=instruction.clamp(),
    )


def reduce_window2d(instruction: Instruction) -> Operation:
    """Take padding of the width, of the height, out, initial value, x."""
    machine, dtype = instruction.machine, instruction.dtype()
    padding_w, padding_h = machine.pop_padding(), machine.pop_padding()
    out = machine.pop_address()
    initial = machine.pop_number()
    into = instruction.tensor(machine.pop_address(), "x", dtype)
    _image(instruction, into.shape, "the input")
    filters = _pair(instruction, "filter")
    size = _window(instruction, into.shape[2:], filters, (padding_h, padding_w))
    return ReduceWindow2d(
        name="",
        offset=instruction.at,
        inputs=(into,),
        outputs=(instruction.tensor(out, "out", dtype, (*into.shape[:2], *size)),),
        op=instruction.choice("op", tuple(ReduceOp)),
        filter=filters,
        padding_h=padding_h,
        padding_w=padding_w,
        stride=_pair(instruction, "stride"),
        dilation=_pair(instruction, "dilation"),
        initial=initial,
        clamp=instruction.clamp(),
    )


def matmul(instruction: Instruction) -> Operation:
    """Take out, bias, b, a; float32."""
    machine = instruction.machine
    out, bias, b, a = (machine.pop_address() for _ in range(4))
    left, right = instruction.tensor(a, "a", DType.F32), instruction.tensor(b, "b", DType.F32)
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
        inputs=(left, right, instruction.tensor(bias, "bias", DType.F32, (columns,))),
        outputs=(instruction.tensor(out, "out", DType.F32, shape),),
        clamp=instruction.clamp(),
    )


def roi_align(instruction: Instruction) -> Operation:
    """Take out, batch indices, regions, x."""
    machine, dtype = instruction.machine, instruction.dtype()
    out, batches, regions, source = (machine.pop_address() for _ in range(4))
    shape = instruction.shape("out")
    _image(instruction, shape, "the result")
    return RoiAlign(
        name="",
        offset=instruction.at,
        inputs=(
            instruction.tensor(source, "x", dtype),
            instruction.tensor(regions, "regions", dtype, (shape[0], 4)),
            instruction.tensor(batches, "batches", DType.I64, (shape[0],)),
        ),
        outputs=(instruction.tensor(out, "out", dtype),),
        mode=instruction.choice("mode", tuple(RoiMode)),
        spatial_scale=instruction.real("spatial_scale"),
        sampling_ratio=instruction.number("sampling_ratio"),
    )


def gru(instruction: Instruction) -> Operation:
    """Take last h, all h, initial h, b, r, w, x; float32."""
    machine = instruction.machine
    last, every, initial, b, r, w, source = (machine.pop_address() for _ in range(7))
    into, gates = instruction.shape("x"), instruction.shape("w")
    if len(into) != 3 or len(gates) != 3:
        machine.fail("shapes of gru", (into, gates), "three axes each")
    (steps, batches, _), (ways, wide, _) = into, gates
    hidden = wide // 3
    state = ways, batches, hidden
    f32 = DType.F32
    return Gru(
        name="",
        offset=instruction.at,
        inputs=(
            instruction.tensor(source, "x", f32),
            instruction.tensor(w, "w", f32),
            instruction.tensor(r, "r", f32, (ways, wide, hidden)),
            instruction.tensor(b, "b", f32, (ways, 2 * wide)),
            instruction.tensor(initial, "h", f32, state),
        ),
        outputs=(
            instruction.tensor(every, "out", f32, (steps, ways, batches, hidden)),
            instruction.tensor(last, "h", f32, state),
        ),
        direction=instruction.choice("direction", tuple(GruDirection)),
        linear_before_reset=bool(instruction.operands.get("linear_before_reset", False)),
    )
