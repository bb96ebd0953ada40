"""One operation at a time, drawn at random: v5 on one side, v4 on the other, the same bits."""

import contextlib

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.convert import convert, floats
from harness.errors import ConversionError
from harness.kmodel import load, save
from harness.kmodel.operations import (
    NO_CLAMP,
    NO_PADDING,
    BatchToSpace,
    Binary,
    BinaryOp,
    Broadcast,
    Concat,
    Conv2d,
    MatMul,
    Pad,
    Padding,
    PadMode,
    Reduce,
    ReduceOp,
    ReduceWindow2d,
    Resize,
    ResizeMode,
    Sigmoid,
    Slice,
    Softmax,
    SpaceToBatch,
    Transpose,
    Unary,
    UnaryOp,
)
from harness.kmodel.v4.elementwise import BINARY, UNARY
from tests.convert.programs import F32, U8, assert_same, both, single

# A simulator is made for each side of each example.
FEW = settings(max_examples=30)

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=6).map(tuple)
dtypes = st.sampled_from([F32, U8])


def same(source):
    conversion, *sides = both(source)
    assert_same(*sides)
    return conversion


def same_or_refused(source, may):
    with contextlib.suppress(*([ConversionError] if may else [])):
        same(source)


@FEW
@given(st.data(), shapes, dtypes)
def test_transpose(data, shape, dtype):
    perm = tuple(data.draw(st.permutations(range(len(shape)))))
    out = tuple(shape[axis] for axis in perm)
    same(single(Transpose, [(dtype, shape)], (dtype, out), perm=perm))


@FEW
@given(st.data(), shapes, dtypes)
def test_slice(data, shape, dtype):
    spans = []
    for size in shape:
        first, last = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
        step = data.draw(st.integers(1, 3))
        spans.append(range(first, last + 1, step) if first <= last else range(first, last, -step))
    begins, ends, strides = zip(*((s.start, s.stop, s.step) for s in spans), strict=True)
    out = tuple(len(span) for span in spans)
    source = single(
        Slice, [(dtype, shape)], (dtype, out), begins=begins, ends=ends, strides=strides
    )
    same_or_refused(source, may=len(shape) > 4)


@FEW
@given(st.data(), st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple), dtypes)
def test_pad(data, shape, dtype):
    mode = data.draw(st.sampled_from(PadMode))
    ends = st.integers(-1 if mode is PadMode.CONSTANT else 0, 3)
    paddings = []
    for size in shape:
        before, after = data.draw(ends), data.draw(ends)
        between = data.draw(st.integers(0, 2)) if mode is PadMode.CONSTANT else 0
        if mode in (PadMode.REFLECT, PadMode.SYMMETRIC):
            most = size - (mode is PadMode.REFLECT)
            before, after = min(before, most), min(after, most)
        assume((size - 1) * (between + 1) + 1 + before + after > 0)
        paddings.append(Padding(before, after, between))
    out = tuple(
        (size - 1) * (p.interior + 1) + 1 + p.before + p.after
        for size, p in zip(shape, paddings, strict=True)
    )
    same(
        single(Pad, [(dtype, shape)], (dtype, out), paddings=tuple(paddings), mode=mode, value=7.0)
    )


@FEW
@given(st.data(), dtypes)
def test_resize(data, dtype):
    height, width, high, wide = (data.draw(st.integers(1, 12)) for _ in range(4))
    mode = data.draw(st.sampled_from(ResizeMode))
    corners, centres = data.draw(st.sampled_from([(False, False), (True, False), (False, True)]))
    source = single(
        Resize,
        [(dtype, (1, 2, height, width))],
        (dtype, (1, 2, high, wide)),
        mode=mode,
        align_corners=corners,
        half_pixel_centers=centres,
    )
    if mode is ResizeMode.BILINEAR and centres and dtype is U8:
        with pytest.raises(ConversionError, match="00_resize"):
            convert(source, 4)
    else:
        same(source)


@FEW
@given(st.data(), st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple))
def test_reduce(data, shape):
    axes = tuple(sorted(data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))))
    op = data.draw(st.sampled_from(ReduceOp))
    out = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    initial = {"min": np.inf, "max": -np.inf}.get(op.value, 0.0)
    fields = {"op": op, "axes": axes, "keep_dims": True, "initial": initial}
    same(single(Reduce, [(F32, shape)], (F32, out), **fields))


@FEW
@given(st.data(), shapes, st.sampled_from(BINARY))
def test_binary(data, shape, op):
    drop = [data.draw(st.booleans()) for _ in shape]
    other = tuple(1 if gone else size for size, gone in zip(shape, drop, strict=True))
    cut = data.draw(st.integers(0, len(shape) - 1))
    if all(size == 1 for size in other[:cut]):
        other = other[cut:]
    clamp = data.draw(st.sampled_from([NO_CLAMP, (0.0, 6.0)]))
    source = single(Binary, [(F32, shape), (F32, other)], (F32, shape), op=op, clamp=clamp)
    same_or_refused(source, may=len(shape) > 4)


ANY = st.one_of(
    st.floats(width=32, allow_nan=False),
    st.sampled_from([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, 1e-45, -1e-45, 2.0**-126, 2.0**23]),
)


@FEW
@given(
    st.lists(ANY, min_size=2, max_size=40),
    ANY,
    st.sampled_from([BinaryOp.ADD, BinaryOp.SUB, BinaryOp.MUL]),
    st.sampled_from([NO_CLAMP, (0.0, 6.0)]),
)
def test_one_constant_for_all_elements_takes_a_product_of_one_column(values, other, op, clamp):
    x, constant = np.array([values], np.float32), np.array([[other]], np.float32)
    source = single(Binary, [(F32, x.shape)], (F32, x.shape), [constant], op=op, clamp=clamp)
    conversion, *sides = both(source, inputs=[x])
    assert_same(*sides)
    (column,) = conversion.program.operations
    assert isinstance(column, MatMul)
    # And where the runtime's compiler fuses product and sum into one rounding.
    factor, term = (conversion.program.constant(b).item() for b in column.inputs[1:])
    with np.errstate(all="ignore"):
        wanted = {"add": np.add, "sub": np.subtract, "mul": np.multiply}[op.value](x, constant)
        fused = floats.fused(x, np.float32(factor), np.float32(term))
    finite = np.isfinite(wanted)
    assert np.array_equal(fused[finite].view(np.uint32), wanted[finite].view(np.uint32))


def test_a_sum_with_a_constant_keeps_the_shape_of_an_output():
    """The body of a product says that it is a column; whoever reads the file is to see a map."""
    constant = np.array([[2.5]], np.float32)
    source = single(Binary, [(F32, (1, 3, 4, 5))], (F32, (1, 3, 4, 5)), [constant], op=BinaryOp.ADD)
    conversion, *sides = both(source)
    assert_same(*sides)
    again = load(save(conversion.program))
    assert isinstance(again.operations[-1], MatMul)
    assert [port.buffer.shape for port in again.outputs] == [(1, 3, 4, 5)]


@pytest.mark.parametrize("op", UNARY)
def test_unary(op):
    same(single(Unary, [(F32, (1, 3, 4))], (F32, (1, 3, 4)), op=op))


def test_sigmoid():
    same(single(Sigmoid, [(F32, (2, 3, 4))], (F32, (2, 3, 4))))


@FEW
@given(st.data(), st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple))
def test_softmax(data, shape):
    axis = data.draw(st.integers(0, len(shape) - 1))
    same(single(Softmax, [(F32, shape)], (F32, shape), axis=axis, beta=1.0))


@FEW
@given(st.data(), shapes, dtypes)
def test_broadcast(data, shape, dtype):
    source = tuple(1 if data.draw(st.booleans()) else size for size in shape)
    same(single(Broadcast, [(dtype, source)], (dtype, shape)))


@FEW
@given(st.data(), dtypes)
def test_blocks(data, dtype):
    a, b = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    height, width, channels = (data.draw(st.integers(1, 3)) for _ in range(3))
    image = 1, channels, height * a, width * b
    cut = a * b, channels, height, width
    plain = (Padding(0, 0), Padding(0, 0))
    blocks = {"block": (a, b), "paddings": (Padding(0, 0), Padding(0, 0), *plain)}
    same(single(SpaceToBatch, [(dtype, image)], (dtype, cut), **blocks))
    same(single(BatchToSpace, [(dtype, cut)], (dtype, image), block=(a, b), crops=plain))


@FEW
@given(st.data(), st.lists(st.integers(1, 4), min_size=2, max_size=4).map(tuple))
def test_concat(data, shape):
    axis = data.draw(st.integers(0, len(shape) - 1))
    count = data.draw(st.integers(1, 3))
    inner = int(np.prod(shape[axis:])) * 4
    out = (*shape[:axis], shape[axis] * count, *shape[axis + 1 :])
    outer = int(np.prod(shape[:axis]))
    pieces = (inner,) * count
    same(single(Concat, [(F32, shape)] * count, (F32, out), outer=outer, pieces=pieces))


@FEW
@given(st.data())
def test_matmul(data):
    batch, rows, inner, columns = (data.draw(st.integers(1, 4)) for _ in range(4))
    lead = data.draw(st.sampled_from([(), (batch,)]))
    bias = np.linspace(-1, 1, columns, dtype=np.float32)
    same(
        single(
            MatMul,
            [(F32, (*lead, rows, inner)), (F32, (*lead, inner, columns))],
            (F32, (*lead, rows, columns)),
            [bias],
            clamp=NO_CLAMP,
        )
    )


@st.composite
def windows(draw):
    size = draw(st.integers(3, 9)), draw(st.integers(3, 9))
    kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    pads = [Padding(draw(st.integers(0, k - 1)), draw(st.integers(0, k - 1))) for k in kernel]
    out = tuple(
        (n + p.before + p.after - k) // s + 1
        for n, p, k, s in zip(size, pads, kernel, stride, strict=True)
    )
    fields = {"padding_h": pads[0], "padding_w": pads[1], "stride": stride, "dilation": (1, 1)}
    return size, kernel, out, fields


@FEW
@given(windows(), st.sampled_from([1, 2]))
def test_conv2d(drawn, groups):
    size, kernel, out, fields = drawn
    generator = np.random.default_rng(0)
    weights = generator.standard_normal((4, 4 // groups, *kernel)).astype(np.float32)
    bias = generator.standard_normal(4).astype(np.float32)
    same(
        single(
            Conv2d,
            [(F32, (1, 4, *size))],
            (F32, (1, 4, *out)),
            [weights, bias],
            groups=groups,
            clamp=NO_CLAMP,
            **fields,
        )
    )


@FEW
@given(windows(), st.sampled_from(ReduceOp))
def test_reduce_window2d(drawn, op):
    size, kernel, out, fields = drawn
    initial = {"min": np.inf, "max": -np.inf}.get(op.value, 0.0)
    same(
        single(
            ReduceWindow2d,
            [(F32, (1, 2, *size))],
            (F32, (1, 2, *out)),
            op=op,
            filter=kernel,
            initial=initial,
            clamp=NO_CLAMP,
            **fields,
        )
    )


@pytest.mark.parametrize("op", [UnaryOp.TANH, UnaryOp.SQRT])
def test_what_v4_lacks_is_refused_where_nothing_is_known_of_the_input(op):
    source = single(Unary, [(F32, (1, 4))], (F32, (1, 4)), op=op)
    with pytest.raises(ConversionError, match="00_unary: v4 has no function") as caught:
        convert(source, 4)
    assert caught.value.remedy


def test_v3_convolves_on_the_kpu_only():
    source = single(
        Conv2d,
        [(F32, (1, 4, 8, 8))],
        (F32, (1, 4, 8, 8)),
        constants=[np.ones((4, 2, 1, 3), np.float32), np.zeros(4, np.float32)],
        groups=2,
        padding_h=NO_PADDING,
        padding_w=Padding(1, 1),
        stride=(1, 1),
        dilation=(1, 1),
        clamp=NO_CLAMP,
    )
    assert_same(*both(source)[1:])
    with pytest.raises(ConversionError, match="00_conv2d: it convolves on the CPU") as caught:
        convert(source, 3)
    assert "1x1 or 3x3" in caught.value.remedy


def test_all_obstacles_are_named_at_once():
    from tests.convert.programs import program

    def make(name, op):
        def one(given_, _fixed, wanted):
            return Unary(name=name, offset=0, inputs=(given_[0],), outputs=(wanted,), op=op)

        return one

    source = program(
        make("00_unary", UnaryOp.TANH),
        make("01_unary", UnaryOp.NEG),
        make("02_unary", UnaryOp.ERF),
        inputs=[(F32, (1, 4))],
        output=(F32, (1, 4)),
    )
    with pytest.raises(ConversionError, match="2 operations are in the way") as caught:
        convert(source, 4)
    assert "00_unary" in str(caught.value)
    assert "02_unary" in str(caught.value)
    assert "01_unary" not in str(caught.value)
    assert BinaryOp.ADD in BINARY
