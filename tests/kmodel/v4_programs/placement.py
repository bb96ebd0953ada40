"""Strategies of operations that move elements and compute nothing."""

import numpy as np
from hypothesis import strategies as st

from harness.kmodel import DType
from harness.kmodel import operations as ops
from harness.kmodel.operations import Padding
from tests.kmodel.v4_programs.builder import FLOATS, SHAPES, SIZES


def concat(builder):
    draw, axis = builder.draw, builder.draw(st.integers(0, 3))
    dtype = draw(st.sampled_from([DType.F32, DType.U8]))
    shape, sizes = draw(SHAPES), draw(st.lists(SIZES, min_size=1, max_size=4))
    if set(sizes) == {1}:  # the file does not say along which of several axes of size 1
        axis = next(n for n in range(axis + 1) if all(one == 1 for one in shape[n:axis]))
    along = lambda size: (*shape[:axis], size, *shape[axis + 1 :])  # noqa: E731
    inputs = tuple(builder.input(along(size), dtype) for size in sizes)
    inner = int(np.prod(shape[axis + 1 :])) * dtype.itemsize
    builder.add(
        ops.Concat,
        inputs,
        (builder.tensor(along(sum(sizes)), dtype),),
        outer=int(np.prod(shape[:axis])),
        pieces=tuple(inner * size for size in sizes),
    )


def pad(builder):
    draw, shape = builder.draw, builder.draw(SHAPES)
    dtype = draw(st.sampled_from([DType.F32, DType.U8]))
    paddings = tuple(Padding(draw(st.integers(1 - s, 3)), draw(st.integers(0, 3))) for s in shape)
    out = tuple(s + p.before + p.after for s, p in zip(shape, paddings, strict=True))
    value = draw(FLOATS) if dtype is DType.F32 else float(draw(st.integers(0, 255)))
    builder.add(
        ops.Pad,
        (builder.input(shape, dtype),),
        (builder.tensor(out, dtype),),
        paddings=paddings,
        mode=ops.PadMode.CONSTANT,
        value=value,
    )


def memory_copy(builder):
    shape = builder.draw(SHAPES)
    builder.add(ops.Copy, (builder.input(shape),), (builder.tensor(shape),))


def resize(builder):
    draw, (n, c, h, w) = builder.draw, builder.draw(SHAPES)
    dtype = draw(st.sampled_from([DType.F32, DType.U8]))
    builder.add(
        ops.Resize,
        (builder.input((n, c, h, w), dtype),),
        (builder.tensor((n, c, draw(SIZES), draw(SIZES)), dtype),),
        mode=draw(st.sampled_from(ops.ResizeMode)),
        align_corners=draw(st.booleans()),
        half_pixel_centers=False,
    )


def transpose(builder):
    draw, shape = builder.draw, builder.draw(SHAPES)
    perm = tuple(draw(st.permutations(range(4))))
    out = tuple(shape[axis] for axis in perm)
    builder.add(ops.Transpose, (builder.input(shape),), (builder.tensor(out),), perm=perm)


def strided_slice(builder):
    draw, shape = builder.draw, builder.draw(SHAPES)
    begins = tuple(draw(st.integers(0, size - 1)) for size in shape)
    ends = tuple(draw(st.integers(b + 1, s)) for b, s in zip(begins, shape, strict=True))
    steps = tuple(draw(st.integers(1, 3)) for _ in shape)
    out = tuple(len(range(*axis)) for axis in zip(begins, ends, steps, strict=True))
    builder.add(
        ops.Slice,
        (builder.input(shape),),
        (builder.tensor(out),),
        begins=begins,
        ends=ends,
        strides=steps,
    )
