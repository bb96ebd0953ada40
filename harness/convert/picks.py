"""Elements picked at places of an axis, and repeated: slices, or an enlargement by neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from harness.convert.draft import Draft, is_constant, refuse, reshaped
from harness.convert.moves import cropped, joined, moved
from harness.kmodel.memory import Buffer
from harness.kmodel.operations import Resize, ResizeMode

MOST_PIECES = 64


def picked(draft: Draft, x: Buffer, axis: int, places: npt.NDArray[np.int64]) -> Buffer:
    """Return the elements at some places of an axis, in that order.

    Raises:
        Refused: It would take too many operations.
    """
    runs = _runs(places)
    if len(runs) == 1:
        return _stepped(draft, x, axis, runs[0])
    repeated = _repeated(draft, x, axis, places)
    if repeated is not None:
        return repeated
    if len(runs) > MOST_PIECES:
        refuse(f"it picks {len(places)} places that lie in {len(runs)} pieces")
    return joined(draft, [_stepped(draft, x, axis, run) for run in runs], axis)


def _stepped(draft: Draft, x: Buffer, axis: int, run: range) -> Buffer:
    begins, ends, strides = [0] * len(x.shape), list(x.shape), [1] * len(x.shape)
    begins[axis], strides[axis] = run[0], run.step
    ends[axis] = run[-1] + (1 if run.step > 0 else -1)
    return cropped(draft, x, begins, ends, strides)


def _runs(places: npt.NDArray[np.int64]) -> list[range]:
    """Return places as ranges with a step other than 0, as few as a greedy search finds."""
    runs, at = [], 0
    while at < len(places):
        first = int(places[at])
        step = int(places[at + 1]) - first if at + 1 < len(places) else 0
        end = at + 1
        while step and end < len(places) and places[end] == first + (end - at) * step:
            end += 1
        if step and end - at > 1:
            runs.append(range(first, first + (end - at) * step, step))
        else:
            runs.append(range(first, first + 1))
        at = max(end, at + 1)
    return runs


def nearest_places(size: int, result: int) -> npt.NDArray[np.int64]:
    """Return where the runtimes of nncase 0.1 and 0.2 look for the nearest neighbours."""
    scale = np.float32(size) / np.float32(result)
    at = np.floor(np.arange(result, dtype=np.float32) * scale)
    return np.asarray(np.minimum(at, size - 1), np.int64)


def _repeated(draft: Draft, x: Buffer, axis: int, places: npt.NDArray[np.int64]) -> Buffer | None:
    """Return the elements if each is wanted equally often, first and last perhaps more or less."""
    size, inner = x.shape[axis], prod(x.shape[axis + 1 :])
    values, counts = np.unique(places, return_counts=True)
    ascending = (np.diff(places) >= 0).all() and (np.diff(values) == 1).all()
    if not ascending or len(values) < 3 or len(set(counts[1:-1])) != 1:
        return None
    times = int(counts[1])
    if (nearest_places(size, size * times) != np.arange(size * times) // times).any():
        return None
    head, tail = max(int(counts[0]) - times, 0), max(int(counts[-1]) - times, 0)
    shape = [1, x.elements // inner // size, size, inner]
    wide = resized(draft, reshaped(x, shape), (size * times, inner), ResizeMode.NEAREST, False)
    wide = reshaped(wide, [*x.shape[:axis], size * times, *x.shape[axis + 1 :]])
    first = int(values[0]) * times + max(times - int(counts[0]), 0)
    middle = range(first, first + len(places) - head - tail)
    parts = [_stepped(draft, x, axis, range(int(values[0]), int(values[0]) + 1))] * head
    parts.append(_stepped(draft, wide, axis, middle))
    parts += [_stepped(draft, x, axis, range(int(values[-1]), int(values[-1]) + 1))] * tail
    return joined(draft, parts, axis)


def resized(
    draft: Draft, x: Buffer, size: tuple[int, int], mode: ResizeMode, align_corners: bool
) -> Buffer:
    """Return NCHW images in another size."""
    result = draft.emit(
        Resize,
        (x,),
        x.dtype,
        (*x.shape[:2], *size),
        mode=mode,
        align_corners=align_corners,
        half_pixel_centers=False,
    )
    return moved(draft, result, x) if mode is ResizeMode.NEAREST else result


def repeated(draft: Draft, x: Buffer, shape: Sequence[int]) -> Buffer:
    """Return a tensor repeated along its axes of size 1."""
    x = reshaped(x, [1] * (len(shape) - len(x.shape)) + list(x.shape))
    if is_constant(x):
        return draft.constant(np.broadcast_to(draft.read(x), shape), x.dtype)
    for axis, size in enumerate(shape):
        if x.shape[axis] == 1 and size > 1:
            x = _times(draft, x, axis, size)
    return x


def _times(draft: Draft, x: Buffer, axis: int, count: int) -> Buffer:
    inner = prod(x.shape[axis + 1 :])
    image = reshaped(x, [1, x.elements // inner, 1, inner])
    wide = resized(draft, image, (count, inner), ResizeMode.NEAREST, False)
    return reshaped(wide, [*x.shape[:axis], count, *x.shape[axis + 1 :]])
