"""Operations that move elements, made of those that v4 has: four axes, slices, concatenations."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from harness.convert.draft import Draft, refuse, reshaped
from harness.kmodel.memory import Buffer
from harness.kmodel.operations import (
    Concat,
    Pad,
    Padding,
    PadMode,
    Slice,
    Transpose,
)

RANK = 4


def moved(draft: Draft, result: Buffer, *sources: Buffer) -> Buffer:
    """Note that a tensor holds only values of others, and return it."""
    known = [draft.values.get(source.pool.name) for source in sources]
    if all(values is not None for values in known):
        draft.know(result, np.unique(np.concatenate([v for v in known if v is not None])))
    return result


def joined(draft: Draft, parts: Sequence[Buffer], axis: int) -> Buffer:
    """Return tensors one behind the other along an axis."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    shape = list(first.shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    inner = prod(shape[axis + 1 :]) * first.dtype.itemsize
    if prod(shape[:axis]) > 1 and not draft.interleaves:
        refuse("it puts tensors side by side along an inner axis, which the version cannot")
    result = draft.emit(
        Concat,
        parts,
        first.dtype,
        shape,
        outer=prod(shape[:axis]),
        pieces=tuple(inner * part.shape[axis] for part in parts),
    )
    return moved(draft, result, *parts)


def cropped(
    draft: Draft,
    x: Buffer,
    begins: Sequence[int],
    ends: Sequence[int],
    strides: Sequence[int],
) -> Buffer:
    """Return the elements from `begins` to before `ends` in steps of `strides`, an axis.

    Ends are exact: `range(begin, end, stride)`. Elements that lie one behind the other are no
    operation: the result is a place inside the tensor.
    """
    spans = [range(*span) for span in zip(begins, ends, strides, strict=True)]
    shape = tuple(len(span) for span in spans)
    if shape == x.shape and all(span.step == 1 for span in spans if len(span) > 1):
        return x
    if _without_gaps(spans, x.shape):
        start = int(np.ravel_multi_index([span[0] for span in spans], x.shape))
        return _behind(reshaped(x, shape), start)
    groups = _slice_groups(spans, x.shape)
    if len(groups) > RANK:
        refuse(f"it slices {len(groups)} axes that cannot be seen as {RANK}")
    groups = [(1, range(1))] * (RANK - len(groups)) + groups
    result = draft.emit(
        Slice,
        (reshaped(x, [size for size, _ in groups]),),
        x.dtype,
        [len(span) for _, span in groups],
        begins=tuple(span[0] for _, span in groups),
        ends=tuple(span[-1] + (1 if span.step > 0 else -1) for _, span in groups),
        strides=tuple(span.step for _, span in groups),
    )
    return reshaped(moved(draft, result, x), shape)


def _without_gaps(spans: list[range], shape: Sequence[int]) -> bool:
    """Return whether a slice's elements lie one behind the other."""
    cut = next((n for n, span in enumerate(spans) if len(span) > 1), len(spans))
    behind = zip(spans[cut + 1 :], shape[cut + 1 :], strict=True)
    whole = all(span == range(size) for span, size in behind)
    return whole and (cut == len(spans) or spans[cut].step == 1)


def _behind(part: Buffer, elements: int) -> Buffer:
    return Buffer(
        part.pool,
        part.offset + elements * part.dtype.itemsize,
        part.dtype,
        part.shape,
        part.strides,
    )


def _slice_groups(spans: list[range], shape: Sequence[int]) -> list[tuple[int, range]]:
    """Return sizes and spans with axes that are kept whole merged into the one before."""
    groups: list[tuple[int, range]] = []
    for size, span in zip(shape, spans, strict=True):
        whole = span == range(size)
        if whole and groups and groups[-1][1] == range(groups[-1][0]):
            size *= groups.pop()[0]
            groups.append((size, range(size)))
        else:
            groups.append((size, span))
    return groups


def transposed(draft: Draft, x: Buffer, perm: Sequence[int]) -> Buffer:
    """Return the axes in another order; more than four axes take several operations."""
    shape = tuple(x.shape[axis] for axis in perm)
    sizes, order = _folded(x.shape, perm)
    if order == sorted(order):
        return reshaped(x, shape)
    if len(order) <= RANK:
        return reshaped(_transpose4(draft, x, sizes, order), shape)
    front, remaining = 1, list(range(len(order)))
    for done, axis in enumerate(order):
        at = remaining.index(axis)
        if at:
            lead = prod(sizes[n] for n in remaining[:at])
            size, tail = sizes[axis], prod(sizes[n] for n in remaining[at + 1 :])
            x = _transpose4(draft, x, [front, lead, size, tail], [0, 2, 1, 3])
            remaining = [axis, *remaining[:at], *remaining[at + 1 :]]
        front *= sizes[axis]
        remaining = remaining[1:]
        assert done < len(order)
    return reshaped(x, shape)


def _transpose4(draft: Draft, x: Buffer, sizes: Sequence[int], order: Sequence[int]) -> Buffer:
    extra = RANK - len(sizes)
    shape = [1] * extra + list(sizes)
    perm = tuple([*range(extra), *(extra + axis for axis in order)])
    out = [shape[axis] for axis in perm]
    result = draft.emit(Transpose, (reshaped(x, shape),), x.dtype, out, perm=perm)
    return moved(draft, result, x)


def _folded(shape: Sequence[int], perm: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return sizes and order with axes merged that stay neighbours, and none of size 1."""
    kept = [axis for axis in perm if shape[axis] > 1] or [perm[0]]
    axes = sorted(kept)
    runs: list[list[int]] = []
    for axis in kept:
        following = runs and axes.index(axis) == axes.index(runs[-1][-1]) + 1
        if following:
            runs[-1].append(axis)
        else:
            runs.append([axis])
    in_source = sorted(runs, key=lambda run: run[0])
    sizes = [prod(shape[axis] for axis in run) for run in in_source]
    return sizes, [in_source.index(run) for run in runs]


def padded(draft: Draft, x: Buffer, paddings: Sequence[Padding], value: float) -> Buffer:
    """Return a tensor with constant elements around and between; negative numbers cut off."""
    for axis, padding in enumerate(paddings):
        if padding.interior:
            x = _spread(draft, x, axis, padding.interior, value)
    ends = [(p.before, p.after - p.interior) for p in paddings]
    groups: list[tuple[int, int, int]] = []
    for size, (before, after) in zip(x.shape, ends, strict=True):
        if not before and not after and groups and groups[-1][1:] == (0, 0):
            groups.append((groups.pop()[0] * size, 0, 0))
        else:
            groups.append((size, before, after))
    shape = [size + b + a for size, (b, a) in zip(x.shape, ends, strict=True)]
    if shape == list(x.shape) and not any(map(any, ends)):
        return x
    if len(groups) > RANK:
        refuse(f"it pads {len(groups)} axes that cannot be seen as {RANK}")
    groups = [(1, 0, 0)] * (RANK - len(groups)) + groups
    return reshaped(_pad4(draft, x, groups, value), shape)


def _pad4(draft: Draft, x: Buffer, groups: Sequence[tuple[int, int, int]], value: float) -> Buffer:
    result = draft.emit(
        Pad,
        (reshaped(x, [size for size, _, _ in groups]),),
        x.dtype,
        [sum(group) for group in groups],
        paddings=tuple(Padding(before, after) for _, before, after in groups),
        mode=PadMode.CONSTANT,
        value=value,
    )
    known = draft.values.get(x.pool.name)
    if known is not None:
        draft.know(result, np.append(known, np.float32(value)))
    return result


def _spread(draft: Draft, x: Buffer, axis: int, between: int, value: float) -> Buffer:
    """Return a tensor with elements put behind each along an axis."""
    size, inner = x.shape[axis], prod(x.shape[axis + 1 :])
    outer = x.elements // inner
    wide = _pad4(draft, x, [(1, 0, 0), (outer, 0, 0), (1, 0, between), (inner, 0, 0)], value)
    return reshaped(wide, [*x.shape[:axis], size * (between + 1), *x.shape[axis + 1 :]])


def copied(draft: Draft, x: Buffer) -> Buffer:
    """Return a copy, byte by byte, in main memory."""
    pieces = (x.elements * x.dtype.itemsize,)
    return draft.emit(Concat, (x,), x.dtype, x.shape, outer=1, pieces=pieces)
