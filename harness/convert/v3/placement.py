"""Operations that move elements, as far as v3 has them."""

from __future__ import annotations

from harness.convert.draft import Draft, refuse, reshaped
from harness.convert.moves import cropped, moved, transposed
from harness.convert.rules import Written
from harness.convert.v3.registry import rule
from harness.convert.v4.resize import nearest_agrees
from harness.kmodel.memory import Buffer
from harness.kmodel.operations import (
    Concat,
    Copy,
    Flatten,
    Pad,
    Resize,
    ResizeMode,
    Slice,
    Transpose,
)

_ORIGINAL = "whoever reads it reads the original"


@rule(Copy)
def copy(_draft: Draft, operation: Copy, x: Buffer) -> Written:
    """Read the original, or the part of it that is wanted."""
    return Written((reshaped(x, operation.output.shape),), _ORIGINAL)


@rule(Concat)
def concat(draft: Draft, operation: Concat, *inputs: Buffer) -> Written:
    """Put whole tensors one behind the other."""
    if operation.outer != 1:
        refuse("v3 concatenates whole tensors only")
    out = operation.output
    fields = {"outer": 1, "pieces": operation.pieces}
    result = draft.emit(Concat, inputs, out.dtype, out.shape, **fields)
    same_type = all(x.dtype is out.dtype for x in inputs)
    return Written((moved(draft, result, *inputs) if same_type else result,))


@rule(Flatten)
def flatten(draft: Draft, operation: Flatten, x: Buffer) -> Written:
    """Keep it."""
    return Written((draft.emit(Flatten, (x,), x.dtype, operation.output.shape),))


@rule(Transpose)
def transpose(draft: Draft, operation: Transpose, x: Buffer) -> Written:
    """Bring channels to the end; other orders only where no element moves."""
    if operation.perm == (0, 2, 3, 1) and x.shape[0] == 1 and x.dtype.value == "float32":
        result = draft.emit(Flatten, (x,), x.dtype, (1, x.elements))
        return Written((reshaped(moved(draft, result, x), operation.output.shape),), "the same")
    return Written((transposed(draft, x, operation.perm),), _ORIGINAL)


@rule(Slice)
def slice_(draft: Draft, operation: Slice, x: Buffer) -> Written:
    """Read a part that lies without gaps."""
    axes = zip(operation.begins, operation.ends, operation.strides, strict=True)
    spans = [range(*axis) for axis in axes]
    ends = [span[-1] + (1 if span.step > 0 else -1) for span in spans]
    return Written((cropped(draft, x, operation.begins, ends, operation.strides),), _ORIGINAL)


@rule(Pad)
def pad(draft: Draft, operation: Pad, x: Buffer) -> Written:
    """Widen a single pixel to the 4x4 that the KPU needs."""
    shape = operation.output.shape
    single = x.shape[2:] == (1, 1) and shape[2:] == (4, 4) and shape[:2] == x.shape[:2]
    if not single or any(padding.before for padding in operation.paddings):
        refuse(f"v3 pads single pixels to 4x4 only, not {x.shape} to {shape}")
    corner = draft.alias(x)
    draft.corners.add(corner.pool.name)
    return Written((corner,), "only the corner of the 4x4 map is looked at")


@rule(Resize)
def resize(draft: Draft, operation: Resize, x: Buffer) -> Written:
    """Take the nearest neighbours."""
    if operation.mode is not ResizeMode.NEAREST or not nearest_agrees(draft, operation, x):
        refuse("v3 resizes to the nearest neighbour at the corners of pixels only")
    fields = {
        "mode": ResizeMode.NEAREST,
        "align_corners": False,
        "half_pixel_centers": False,
    }
    result = draft.emit(Resize, (x,), x.dtype, operation.output.shape, **fields)
    return Written((moved(draft, result, x),))
