"""v4 nodes that move elements. Source: nncase v0.2.0-beta4 `neutral_ops_body.h`."""

from __future__ import annotations

import struct
from math import prod

from harness.kmodel.memory import Buffer, DType
from harness.kmodel.operations import (
    Concat,
    Copy,
    Operation,
    Pad,
    PadMode,
    Resize,
    ResizeMode,
    Slice,
    Transpose,
)
from harness.kmodel.v4.body import RANK, Body, Range, choice

WORD = 4


def concat(body: Body) -> Operation:
    """Read a concatenation; sizes are in bytes of the part inside the axis."""
    out = body.range()
    inner, outer = body.reader.shape(2, "inner and outer size")
    count = body.reader.count("number of inputs", each=16 + 4)
    places = [body.range() for _ in range(count)]
    sizes = body.positive(body.numbers(count, "size along the axis"), "size along the axis")
    inputs = [
        _piece(body, place, outer * inner * size) for place, size in zip(places, sizes, strict=True)
    ]
    return Concat(
        name="",
        offset=body.at,
        inputs=tuple(inputs),
        outputs=(body.tensor(out, _concat_shape(inputs, sizes, outer, out.dtype, inner)),),
        outer=outer,
        pieces=tuple(inner * size for size in sizes),
    )


def _piece(body: Body, place: Range, size: int) -> Buffer:
    elements = size // place.dtype.itemsize
    if elements * place.dtype.itemsize != size or elements == 0:
        body.reader.fail("size of an input", size, f"whole {place.dtype.value} elements", body.at)
    return body.tensor(place, body.file.shapes.read(place.pool, place.start, elements))


def _concat_shape(
    inputs: list[Buffer], sizes: tuple[int, ...], outer: int, dtype: DType, inner: int
) -> tuple[int, ...]:
    """Return the result's shape as the inputs' shapes say, or (outer, along, inner)."""
    if inner % dtype.itemsize:
        flat: tuple[int, ...] = outer, sum(sizes) * inner // dtype.itemsize
    else:
        flat = outer, sum(sizes), inner // dtype.itemsize
    first = inputs[0].shape if inputs else ()
    for axis, size in enumerate(first):
        others = {(*b.shape[:axis], *b.shape[axis + 1 :]) for b in inputs}
        along = tuple(b.shape[axis] if axis < len(b.shape) else 0 for b in inputs)
        if prod(first[:axis]) == outer and along == sizes and len(others) == 1 and size:
            return (*first[:axis], sum(sizes), *first[axis + 1 :])
    return flat


def memory_copy(body: Body) -> Operation:
    """Read a copy; the runtime copies whole words of 4 bytes and drops the rest."""
    source, out = body.range(), body.range()
    size = source.size // WORD * WORD
    if size == 0:
        body.reader.fail("size of a copy", source.size, f"at least {WORD}", body.at)
    elements = size // source.dtype.itemsize
    shape = body.file.shapes.read(source.pool, source.start, elements)
    return Copy(
        name="",
        offset=body.at,
        inputs=(body.tensor(source, shape),),
        outputs=(body.tensor(out, shape),),
    )


def pad(body: Body) -> Operation:
    """Read a padding; negative numbers cut off."""
    source, out = body.range(), body.range()
    shape = body.shape()
    paddings = tuple(body.padding("padding") for _ in range(RANK))
    result = tuple(size + p.before + p.after for size, p in zip(shape, paddings, strict=True))
    return Pad(
        name="",
        offset=body.at,
        inputs=(body.tensor(source, shape),),
        outputs=(body.tensor(out, body.positive(result, "output shape")),),
        paddings=paddings,
        mode=PadMode.CONSTANT,
        value=_pad_value(body, source.dtype),
    )


def _pad_value(body: Body, dtype: DType) -> float:
    """Read the value; the word of its type is not initialised in files of early releases."""
    body.reader.u32("type of the pad value")
    raw = body.reader.bytes(4, "pad value").tobytes()
    return float(raw[0] if dtype is DType.U8 else struct.unpack("<f", raw)[0])


def resize_image(body: Body) -> Operation:
    """Read a resize."""
    source, out = body.range(), body.range()
    shape = body.shape()
    size = body.pair("output size")
    mode = choice(body.reader, tuple(ResizeMode), "resize mode")
    return Resize(
        name="",
        offset=body.at,
        inputs=(body.tensor(source, shape),),
        outputs=(body.tensor(out, (*shape[:2], *size)),),
        mode=mode,
        align_corners=bool(body.reader.u8("align corners")),
        half_pixel_centers=False,
    )


def transpose(body: Body) -> Operation:
    """Read a change of the order of axes."""
    source, out = body.range(), body.range()
    shape = body.shape()
    perm = body.numbers(RANK, "permutation")
    if sorted(perm) != list(range(RANK)):
        body.reader.fail("permutation", perm, "0 to 3 in some order", body.at)
    return Transpose(
        name="",
        offset=body.at,
        inputs=(body.tensor(source, shape),),
        outputs=(body.tensor(out, tuple(shape[axis] for axis in perm)),),
        perm=perm,
    )


def strided_slice(body: Body) -> Operation:
    """Read a slice; the masks that follow are not looked at by the runtime."""
    source, out = body.range(), body.range()
    shape = body.shape()
    begins, ends, strides = (
        body.numbers(RANK, name) for name in ("begin", "end", "stride of a slice")
    )
    body.numbers(5, "masks")
    result = _sliced(body, shape, begins, ends, strides)
    return Slice(
        name="",
        offset=body.at,
        inputs=(body.tensor(source, shape),),
        outputs=(body.tensor(out, result),),
        begins=begins,
        ends=ends,
        strides=strides,
    )


def _sliced(
    body: Body,
    shape: tuple[int, ...],
    begins: tuple[int, ...],
    ends: tuple[int, ...],
    strides: tuple[int, ...],
) -> tuple[int, ...]:
    if not all(strides):
        body.reader.fail("stride of a slice", strides, "no zero", body.at)
    axes = [range(*axis) for axis in zip(begins, ends, strides, strict=True)]
    for axis, size in zip(axes, shape, strict=True):
        if axis and not (0 <= axis[0] < size and 0 <= axis[-1] < size):
            body.reader.fail("slice", f"{axis} of {shape}", "elements of the input", body.at)
    return body.positive(tuple(len(axis) for axis in axes), "size of a slice")
