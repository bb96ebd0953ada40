"""What each operation of the source gave, as tensors of the draft.

The source reuses memory and lets buffers overlap: a part of a larger tensor is a crop, several
results side by side are a concatenation. Here each of these becomes an operation of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.convert.draft import Draft, refuse, reshaped
from harness.convert.moves import cropped, joined
from harness.kmodel.dataflow import Source
from harness.kmodel.layout import ROW_BYTES, channel_offset, kpu_bytes, row_layout
from harness.kmodel.memory import Buffer, Layout, dense_strides

# Elements of a map of which only the first is known.
CORNER_OF = 4 * 4

Key = tuple[str, int]
Integers = npt.NDArray[np.int64]


@dataclass
class Results:
    """Tensors of the draft by the operation of the source that gave them.

    Attributes:
        draft: What is being written.
        written: By operation and output, where the source put it.
        tensors: The same in the draft; feature maps only where main memory has them too.
    """

    draft: Draft
    written: dict[Key, Buffer] = field(default_factory=dict)
    tensors: dict[Key, Buffer] = field(default_factory=dict)

    def write(self, key: Key, place: Buffer, tensor: Buffer | None) -> None:
        """Remember a result."""
        self.written[key] = place
        if tensor is not None:
            self.tensors[key] = tensor

    def read(self, buffer: Buffer, sources: tuple[Source, ...]) -> Buffer:
        """Return what the source reads at a place, as a tensor without gaps.

        Raises:
            Refused: Nobody wrote it, or it is put together in a way that has no operation.
        """
        if [source.producer for source in sources] == ["file"]:
            return self._constant(buffer)
        keys = [(s.producer, s.output) for s in sources if s.producer is not None]
        if len(keys) < len(sources):
            refuse("it reads memory that nothing wrote")
        if len(keys) == 1 and sources[0].exact:
            tensor = self._tensor(keys[0])
            corner = tensor.pool.name in self.draft.corners
            return tensor if corner else reshaped(tensor, buffer.shape)
        return self._assembled(buffer, sorted(keys, key=list(self.written).index))

    def _tensor(self, key: Key) -> Buffer:
        if key not in self.tensors:
            refuse(f"the result of {key[0]} is in KPU memory only")
        return self.tensors[key]

    def _constant(self, buffer: Buffer) -> Buffer:
        if buffer.contiguous:
            return buffer
        return self.draft.constant(self.draft.program.constant(buffer), buffer.dtype)

    def _assembled(self, buffer: Buffer, keys: list[Key]) -> Buffer:
        owner = np.full(buffer.pool.size, -1, np.int32)
        index = np.zeros(buffer.pool.size, np.int64)
        for number, key in enumerate(keys):
            place = self.written[key]
            if place.dtype is not buffer.dtype:
                refuse(f"it reads the result of {key[0]} as another type")
            at = element_places(place)
            owner[at], index[at] = number, np.arange(place.elements).reshape(at.shape)
        at = element_places(buffer)
        parts = [self._tensor(key) for key in keys]
        return self._box(owner[at], index[at], parts)

    def _box(self, owner: npt.NDArray[Any], index: Integers, parts: list[Buffer]) -> Buffer:
        """Return a tensor whose elements are given by result and place in that result."""
        first = int(owner.flat[0])
        if (owner == first).all():
            return self._part(parts[first], index)
        for axis in range(owner.ndim):
            along = np.moveaxis(owner, axis, 0).reshape(owner.shape[axis], -1)
            cuts = np.flatnonzero((along[1:] != along[:-1]).any(1)) + 1
            if len(cuts):
                pairs = zip(np.split(owner, cuts, axis), np.split(index, cuts, axis), strict=True)
                return joined(self.draft, [self._box(*pair, parts) for pair in pairs], axis)
        return refuse("the places it reads are put together in no known way")

    def _part(self, part: Buffer, index: Integers) -> Buffer:
        if part.pool.name in self.draft.corners:
            if (index % CORNER_OF).any():
                refuse("it looks beside the corner of 4x4 maps of which v3 has only that")
            part, index = self.draft.alias(part), index // CORNER_OF
        if (np.diff(index.ravel()) == 1).all():
            first = int(index.flat[0])
            flat = reshaped(part, (part.elements,))
            run = cropped(self.draft, flat, (first,), (first + index.size,), (1,))
            return reshaped(run, index.shape)
        begins, steps = as_slice(part.shape, index)
        return reshaped(cropped(self.draft, part, begins, *steps), index.shape)


def as_slice(
    shape: tuple[int, ...], index: Integers
) -> tuple[tuple[int, ...], tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return begins, ends and strides of the slice of a tensor that picks the given elements.

    Raises:
        Refused: No slice does.
    """
    strides = dense_strides(shape)
    begins = np.unravel_index(int(index.flat[0]), shape)
    sizes, steps = [1] * len(shape), [1] * len(shape)
    last = -1
    for axis, size in enumerate(index.shape):
        if size == 1:
            continue
        step = int(np.take(index, 1, axis).flat[0] - index.flat[0])
        fits = [n for n, s in enumerate(strides) if s and n > last and step >= s and step % s == 0]
        if not fits:
            refuse("it reads elements of a result in an order that no slice has")
        last = fits[0]
        sizes[last], steps[last] = size, step // strides[last]
    ends = tuple(
        int(b) + (size - 1) * step + 1 for b, size, step in zip(begins, sizes, steps, strict=True)
    )
    spans = [np.arange(b, e, s) for b, e, s in zip(begins, ends, steps, strict=True)]
    inside = all(end <= size for end, size in zip(ends, shape, strict=True))
    picked = np.arange(prod(shape)).reshape(shape)[np.ix_(*spans)] if inside else index[..., None]
    if not inside or picked.size != index.size or (picked.ravel() != index.ravel()).any():
        refuse("it reads elements of a result that no slice picks")
    return tuple(int(b) for b in begins), (ends, tuple(steps))


def element_places(buffer: Buffer) -> Integers:
    """Return the byte in its pool where each element begins, in the buffer's shape."""
    if buffer.layout is Layout.KPU_ROWS:
        return _rows(buffer)
    places = np.full((1,) * len(buffer.shape), buffer.offset, np.int64)
    for axis, (size, step) in enumerate(zip(buffer.shape, buffer.strides, strict=True)):
        along = np.arange(size) * step * buffer.dtype.itemsize
        places = places + along.reshape(-1, *(1,) * (len(buffer.shape) - axis - 1))
    return places


def _rows(buffer: Buffer) -> Integers:
    batches, channels, height, width = buffer.shape
    line = row_layout(width).row_len * ROW_BYTES
    images = np.arange(batches) * kpu_bytes(width, height, channels)
    maps = np.array([channel_offset(channel, height, width) for channel in range(channels)])
    places: Integers = (
        buffer.offset
        + images[:, None, None, None]
        + maps[:, None, None]
        + (np.arange(height) * line)[:, None]
        + np.arange(width)
    )
    return places
