"""Operations that move elements."""

from __future__ import annotations

from math import prod

import numpy as np

from harness.convert.draft import Draft, Padded, refuse, reshaped
from harness.convert.moves import cropped, moved, padded, transposed
from harness.convert.picks import picked, repeated
from harness.convert.rules import Written
from harness.convert.v4.registry import rule
from harness.kmodel.memory import Buffer
from harness.kmodel.operations import (
    BatchToSpace,
    Broadcast,
    Concat,
    Copy,
    Flatten,
    Gather,
    Pad,
    PadMode,
    Slice,
    SpaceToBatch,
    Transpose,
)

_SAME = "the same elements are moved"
_NUMPY_MODES = {PadMode.REFLECT: "reflect", PadMode.SYMMETRIC: "symmetric", PadMode.EDGE: "edge"}


@rule(Copy)
def copy(_draft: Draft, operation: Copy, x: Buffer) -> Written:
    """Read the original, or the part of it that is wanted."""
    return Written((reshaped(x, operation.output.shape),), "whoever reads it reads the original")


@rule(Concat)
def concat(draft: Draft, operation: Concat, *inputs: Buffer) -> Written:
    """Keep it."""
    out = operation.output
    fields = {"outer": operation.outer, "pieces": operation.pieces}
    result = draft.emit(Concat, inputs, out.dtype, out.shape, **fields)
    same_type = all(x.dtype is out.dtype for x in inputs)
    return Written((moved(draft, result, *inputs) if same_type else result,))


@rule(Flatten)
def flatten(draft: Draft, operation: Flatten, x: Buffer) -> Written:
    """Transpose from CHW to HWC."""
    result = transposed(draft, x, (0, 2, 3, 1))
    return Written((reshaped(result, operation.output.shape),), _SAME)


@rule(Broadcast)
def broadcast(draft: Draft, operation: Broadcast, x: Buffer) -> Written:
    """Repeat by resizing to the nearest neighbour, which is the only one."""
    return Written((repeated(draft, x, operation.output.shape),), _SAME)


@rule(Transpose)
def transpose(draft: Draft, operation: Transpose, x: Buffer) -> Written:
    """Fold axes until there are four."""
    result = transposed(draft, x, operation.perm)
    return Written((result,), _SAME if len(x.shape) > 4 else "")


@rule(Slice)
def slice_(draft: Draft, operation: Slice, x: Buffer) -> Written:
    """Cut out, from the first to the last element."""
    ends = [
        (span := range(*axis))[-1] + (1 if span.step > 0 else -1)
        for axis in zip(operation.begins, operation.ends, operation.strides, strict=True)
    ]
    return Written((cropped(draft, x, operation.begins, ends, operation.strides),))


@rule(Pad)
def pad(draft: Draft, operation: Pad, x: Buffer) -> Written:
    """Put constants around and between, or repeat what is inside."""
    interior = any(padding.interior for padding in operation.paddings)
    if operation.mode is PadMode.CONSTANT:
        result = padded(draft, x, operation.paddings, operation.value)
        if not any(n < 0 for padding in operation.paddings for n in padding):
            draft.padded[result.pool.name] = Padded(x, operation.paddings, operation.value)
        return Written((result,), "constants are put behind each line or column" * interior)
    if interior or any(n < 0 for padding in operation.paddings for n in padding):
        refuse(f"it pads between elements or cuts off in mode {operation.mode.value}")
    for axis, padding in enumerate(operation.paddings):
        places = np.pad(
            np.arange(x.shape[axis]),
            padding[:2],
            _NUMPY_MODES[operation.mode],  # type: ignore[call-overload]
        )
        x = picked(draft, x, axis, places)
    return Written((x,), _SAME)


@rule(SpaceToBatch)
def space_to_batch(draft: Draft, operation: SpaceToBatch, x: Buffer) -> Written:
    """Pad, split lines and columns, and bring the steps to the front."""
    block = operation.block
    x = padded(draft, x, operation.paddings, 0)
    first = len(x.shape) - len(block)
    shape = list(x.shape[:first])
    for size, step in zip(x.shape[first:], block, strict=True):
        shape += [size // step, step]
    inner = [first + 2 * axis + 1 for axis in range(len(block))]
    rest = [axis for axis in range(len(shape)) if axis not in inner]
    result = transposed(draft, reshaped(x, shape), [*inner, *rest])
    return Written((reshaped(result, operation.output.shape),), _SAME)


@rule(BatchToSpace)
def batch_to_space(draft: Draft, operation: BatchToSpace, x: Buffer) -> Written:
    """Bring the steps behind their lines and columns, and crop."""
    block, count = operation.block, len(operation.block)
    shape = [*block, x.shape[0] // prod(block), *x.shape[1:]]
    first = len(shape) - count
    order = list(range(count, first))
    for axis in range(count):
        order += [first + axis, axis]
    wide = transposed(draft, reshaped(x, shape), order)
    sizes = [x.shape[axis - count] * step for axis, step in enumerate(block)]
    wide = reshaped(wide, [*(shape[axis] for axis in order[: first - count]), *sizes])
    crops = zip(sizes, operation.crops, strict=True)
    spans = [(crop.before, size - crop.after) for size, crop in crops]
    whole = [(0, size) for size in wide.shape[: first - count]]
    begins, ends = zip(*whole, *spans, strict=True)
    return Written((cropped(draft, wide, begins, ends, [1] * len(begins)),), _SAME)


@rule(Gather)
def gather(draft: Draft, operation: Gather, x: Buffer, indices: Buffer) -> Written:
    """Pick places that are known."""
    if indices.memory.value != "constant":
        refuse("its indices are computed")
    places = draft.read(indices).astype(np.int64)
    places = np.where(places < 0, places + x.shape[operation.axis], places)
    result = picked(draft, x, operation.axis, places.ravel())
    return Written((reshaped(result, operation.output.shape),), _SAME)
