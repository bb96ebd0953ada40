"""Instructions that move elements."""

from __future__ import annotations

from harness.kmodel.operations import (
    BatchToSpace,
    Broadcast,
    Copy,
    Operation,
    Pad,
    PadMode,
    Resize,
    ResizeMode,
    Slice,
    SpaceToBatch,
    Transpose,
    Trilu,
)
from harness.kmodel.v5.tensors.instruction import Instruction


def copy(instruction: Instruction) -> Operation:
    """The same elements at another place."""
    into = instruction.tensor("x", instruction.dtype())
    result = instruction.tensor("out", into.dtype, into.shape)
    return Copy(name="", offset=instruction.at, inputs=(into,), outputs=(result,))


def broadcast(instruction: Instruction) -> Operation:
    """Repetition along axes."""
    into = instruction.tensor("x", instruction.dtype())
    result = instruction.tensor("out", into.dtype)
    return Broadcast(name="", offset=instruction.at, inputs=(into,), outputs=(result,))


def trilu(instruction: Instruction) -> Operation:
    """A triangle of the last two axes."""
    into = instruction.tensor("x", instruction.dtype())
    return Trilu(
        name="",
        offset=instruction.at,
        inputs=(into,),
        outputs=(instruction.tensor("out", into.dtype, into.shape),),
        upper=instruction.flag("upper"),
        k=instruction.number("k"),
    )


def pad(instruction: Instruction) -> Operation:
    """Elements put around and between."""
    into = instruction.tensor("x", instruction.dtype())
    paddings = instruction.machine.paddings(instruction.number("paddings"), len(into.shape))
    shape = tuple(
        size + p.before + p.after + p.interior * (size - 1)
        for size, p in zip(into.shape, paddings, strict=True)
    )
    return Pad(
        name="",
        offset=instruction.at,
        inputs=(into,),
        outputs=(instruction.tensor("out", into.dtype, shape),),
        paddings=paddings,
        mode=instruction.choice("mode", tuple(PadMode)),
        value=instruction.scalar("value"),
    )


def transpose(instruction: Instruction) -> Operation:
    """Axes in another order."""
    into = instruction.tensor("x", instruction.dtype())
    perm = instruction.machine.numbers(instruction.number("perm"))
    if sorted(perm) != list(range(len(into.shape))):
        instruction.machine.fail("permutation", perm, f"all axes of {into.shape}")
    shape = tuple(into.shape[axis] for axis in perm)
    return Transpose(
        name="",
        offset=instruction.at,
        inputs=(into,),
        outputs=(instruction.tensor("out", into.dtype, shape),),
        perm=perm,
    )


def slice_(instruction: Instruction) -> Operation:
    """Elements in steps, an axis."""
    into = instruction.tensor("x", instruction.dtype())
    machine = instruction.machine
    begins, ends, strides = (
        machine.numbers(instruction.number(name)) for name in ("begins", "ends", "strides")
    )
    rank = len(into.shape)
    if {len(begins), len(ends), len(strides)} != {rank} or 0 in strides:
        machine.fail("slice", (begins, ends, strides), f"begin, end and step of {rank} axes")
    spans = [range(*span) for span in zip(begins, ends, strides, strict=True)]
    for span, size in zip(spans, into.shape, strict=True):
        if span and not (0 <= span[0] < size and 0 <= span[-1] < size):
            machine.fail("slice", span, f"elements of an axis of size {size}")
    return Slice(
        name="",
        offset=instruction.at,
        inputs=(into,),
        outputs=(instruction.tensor("out", into.dtype, tuple(map(len, spans))),),
        begins=begins,
        ends=ends,
        strides=strides,
    )


def resize_image(instruction: Instruction) -> Operation:
    """Images in another size."""
    into = instruction.tensor("x", instruction.dtype())
    if len(into.shape) != 4:
        instruction.machine.fail("shape of resize_image", into.shape, "four axes")
    shape = *into.shape[:2], instruction.size("height"), instruction.size("width")
    return Resize(
        name="",
        offset=instruction.at,
        inputs=(into,),
        outputs=(instruction.tensor("out", into.dtype, shape),),
        mode=instruction.choice("mode", tuple(ResizeMode)),
        align_corners=instruction.flag("align_corners"),
        half_pixel_centers=instruction.flag("half_pixel_centers"),
    )


def _block(instruction: Instruction, shape: tuple[int, ...]) -> tuple[int, ...]:
    block = instruction.machine.sizes(instruction.number("block"))
    if len(block) >= len(shape):
        instruction.machine.fail("block", block, f"fewer axes than {shape}")
    return block


def space_to_batch(instruction: Instruction) -> Operation:
    """Blocks of pixels become batches."""
    into = instruction.tensor("x", instruction.dtype())
    block = _block(instruction, into.shape)
    paddings = instruction.machine.paddings(instruction.number("paddings"), len(block))
    batches, *rest = into.shape
    inner = len(rest) - len(block)
    sizes = []
    for size, step, p in zip(rest[inner:], block, paddings, strict=True):
        batches *= step
        sizes.append((size + p.before + p.after) // step)
    shape = (batches, *rest[:inner], *sizes)
    return SpaceToBatch(
        name="",
        offset=instruction.at,
        inputs=(into,),
        outputs=(instruction.tensor("out", into.dtype, shape),),
        block=block,
        paddings=paddings,
    )


def batch_to_space(instruction: Instruction) -> Operation:
    """Batches become blocks of pixels."""
    into = instruction.tensor("x", instruction.dtype())
    block = _block(instruction, into.shape)
    crops = instruction.machine.paddings(instruction.number("crops"), len(block))
    batches, *rest = into.shape
    inner = len(rest) - len(block)
    sizes = []
    for size, step, p in zip(rest[inner:], block, crops, strict=True):
        batches //= step
        sizes.append(size * step - p.before - p.after)
    shape = (batches, *rest[:inner], *sizes)
    return BatchToSpace(
        name="",
        offset=instruction.at,
        inputs=(into,),
        outputs=(instruction.tensor("out", into.dtype, shape),),
        block=block,
        crops=crops,
    )
