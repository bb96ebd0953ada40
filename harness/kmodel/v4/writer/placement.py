"""v4 nodes that move elements, as bytes."""

from __future__ import annotations

from math import gcd, prod

from harness.errors import ConversionError
from harness.kmodel.memory import DType
from harness.kmodel.operations import (
    NO_PADDING,
    Concat,
    Copy,
    Pad,
    PadMode,
    Resize,
    ResizeMode,
    Slice,
    Transpose,
)
from harness.kmodel.v4.body import DTYPES, RANK
from harness.kmodel.v4.placement import WORD
from harness.kmodel.v4.writer.body import Body, four
from harness.kmodel.writer import check_all

MASKS = 5


def concat(body: Body, operation: Concat) -> None:
    """Write a concatenation."""
    inner = _inner(operation)
    body.range(operation.output)
    body.out.words(inner, operation.outer, len(operation.inputs))
    for buffer in operation.inputs:
        body.range(buffer)
    body.out.words(*(piece // inner for piece in operation.pieces))


def _inner(operation: Concat) -> int:
    """Return the bytes of what lies inside the axis, as far as the output's shape tells it.

    What is computed depends on the pieces only; any common divisor of them will do.
    """
    shape, itemsize = operation.output.shape, operation.output.dtype.itemsize
    total = sum(operation.pieces)
    for axis, size in enumerate(shape):
        inner = prod(shape[axis + 1 :]) * itemsize
        whole = all(piece % inner == 0 for piece in operation.pieces)
        if prod(shape[:axis]) == operation.outer and whole and total == inner * size:
            return inner
    return gcd(*operation.pieces)


def memory_copy(body: Body, operation: Copy) -> None:
    """Write a copy of whole words."""
    size = operation.input.nbytes
    if size % WORD:
        raise ConversionError(f"copies {size} bytes, not whole words of {WORD}")
    body.ends(operation)


def pad(body: Body, operation: Pad) -> None:
    """Write a padding."""
    if operation.mode is not PadMode.CONSTANT:
        raise ConversionError(f"the mode {operation.mode.value}")
    dtype = operation.input.dtype
    body.ends(operation)
    body.shape(operation.input.shape)
    body.paddings(*(NO_PADDING,) * (RANK - len(operation.paddings)), *operation.paddings)
    body.out.words(DTYPES.index(dtype))
    if dtype is DType.U8:
        body.out.words(_byte(operation.value))
    else:
        body.out.floats(operation.value)


def _byte(value: float) -> int:
    if not (0 <= value <= 255 and value == int(value)):
        raise ConversionError(f"the value {value} among bytes")
    return int(value)


def resize_image(body: Body, operation: Resize) -> None:
    """Write a resize."""
    if operation.half_pixel_centers:
        raise ConversionError("with pixels seen as areas (half pixel centers)")
    body.ends(operation)
    body.shape(operation.input.shape)
    body.out.words(
        *operation.output.shape[-2:],
        tuple(ResizeMode).index(operation.mode),
        int(operation.align_corners),
    )


def transpose(body: Body, operation: Transpose) -> None:
    """Write a change of the order of axes."""
    more = RANK - len(operation.perm)
    body.ends(operation)
    body.shape(operation.input.shape)
    body.out.words(*range(more), *(axis + more for axis in operation.perm))


def strided_slice(body: Body, operation: Slice) -> None:
    """Write a slice, without masks."""
    check_all([(all(operation.strides), f"strides {operation.strides}")])
    body.ends(operation)
    body.shape(operation.input.shape)
    body.out.words(*four(operation.begins, 0))
    body.out.words(*four(operation.ends, 1), *four(operation.strides, 1))
    body.out.words(*(0,) * MASKS)
