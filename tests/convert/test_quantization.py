"""Between bytes and floats: all codes, ties, and the ends of float32."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.convert import convert, floats
from harness.convert.v4.quantization import ROUNDING
from harness.errors import ConversionError
from harness.kmodel.operations import (
    ChannelwiseDequantize,
    Dequantize,
    DequantizeZeroPoint,
    Quantize,
    QuantizeZeroPoint,
)
from tests.convert.programs import F32, U8, assert_same, both, single

scales = st.floats(2.0**-20, 2.0**20, width=32)
biases = st.one_of(st.just(0.0), st.floats(-1000, 1000, width=32), st.integers(-255, 255))
CODES = np.arange(256, dtype=np.uint8).reshape(1, 256)


def rounded(value: Fraction) -> np.float32:
    """Return the nearest float32 to a fraction, by comparing with its neighbours."""
    near = np.float32(float(value))
    around = (np.nextafter(near, np.float32(-np.inf)), near, np.nextafter(near, np.float32(np.inf)))
    return min(around, key=lambda x: (abs(Fraction(float(x)) - value), int(x.view(np.int32)) & 1))


@given(*[st.floats(-1e6, 1e6, width=32)] * 3)
def test_a_fused_sum_is_rounded_once(a, b, c):
    found = floats.fused(np.array([a], np.float32), np.float32(b), np.float32(c))[0]
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if abs(exact) > Fraction(float(np.finfo(np.float32).tiny)):
        assert found == rounded(exact)


@settings(max_examples=40)
@given(scales, biases)
def test_dequantize_is_exact_for_all_codes(scale, bias):
    source = single(Dequantize, [(U8, (1, 256))], (F32, (1, 256)), scale=scale, bias=float(bias))
    conversion, *sides = both(source, inputs=[CODES])
    assert_same(*sides)
    # And by the formulas of the K210, fused or not: what multiplies does not add.
    (plain,) = (o for o in conversion.program.operations if isinstance(o, DequantizeZeroPoint))
    if len(conversion.program.operations) > 1:
        assert plain.zero_point == 0
    first, *others = floats.plain_dequantized(plain.scale, plain.zero_point)
    for made in others:
        assert np.array_equal(made, first)


@given(scales, biases)
def test_v3_dequantizes_alike(scale, bias):
    table = floats.dequantized(scale, float(bias))
    assert (
        table.tobytes()
        == (CODES[0].astype(np.float32) * np.float32(scale) + np.float32(bias)).tobytes()
    )


ANY = st.one_of(
    st.floats(width=32),
    st.integers(-600, 600).map(lambda n: n / 2),
    st.sampled_from([2.0**31 - 128, 2.0**31, -(2.0**31), 2.0**23, 2.0**24, 0.49999997, -0.0]),
)


@settings(max_examples=40)
@given(st.lists(ANY, min_size=1, max_size=40), scales, biases)
def test_quantize_is_exact_for_all_floats(values, scale, bias):
    x = np.array([values], np.float32)
    source = single(Quantize, [(F32, x.shape)], (U8, x.shape), scale=scale, bias=float(bias))
    conversion, *sides = both(source, inputs=[x])
    assert_same(*sides)
    last = conversion.program.operations[-1]
    assert isinstance(last, QuantizeZeroPoint)
    assert (last.scale, last.zero_point) == (1, -ROUNDING)


def test_quantize_never_shows_a_tie_to_the_runtime():
    """All that matters: every multiple of 1/8 around 0 to 255, and every float near the ends."""
    t = np.concatenate([np.arange(-4096, 4096) / 8, 2.0**23 + np.arange(-600, 600) / 2])
    t = t.astype(np.float32)
    ends = np.float32(2.0**31)
    for _ in range(3):
        t = np.append(t, [ends, -ends])
        ends = np.nextafter(ends, np.float32(0))
    whole = (t + np.float32(ROUNDING)) - np.float32(ROUNDING)
    near = np.abs(t) <= 256
    assert (whole == np.rint(whole))[near].all()
    assert np.array_equal(floats.to_byte(whole), floats.to_byte(np.rint(t)))
    for made in floats.plain_quantized(t + np.float32(ROUNDING), 1.0, -ROUNDING):
        assert np.array_equal(made, floats.to_byte(np.rint(t)))


@settings(max_examples=30)
@given(scales, biases, scales, st.integers(-100, 100))
def test_few_values_are_quantized_plainly_or_in_steps(scale, bias, other, zero):
    """Bytes to floats to bytes: each of the 256 is tried."""

    def first(given_, _fixed, wanted):
        middle = wanted.__class__(
            pool_named(wanted, "main", 1024), 0, F32, wanted.shape, wanted.strides
        )
        return Dequantize(
            name="00_dequantize", offset=0, inputs=(given_[0],), outputs=(middle,),
            scale=scale, bias=float(bias),
        )  # fmt: skip

    def second(given_, fixed, wanted):
        middle = first(given_, fixed, wanted).output
        return Quantize(
            name="01_quantize", offset=0, inputs=(middle,), outputs=(wanted,),
            scale=other, bias=float(zero),
        )  # fmt: skip

    from tests.convert.programs import program

    source = program(first, second, inputs=[(U8, (1, 256))], output=(U8, (1, 256)))
    assert_same(*both(source, inputs=[CODES])[1:])


def pool_named(buffer, name, size):
    from harness.kmodel import Memory, Pool

    return Pool(name, Memory.MAIN, size)


def test_a_byte_a_channel():
    scale = np.array([0.3, 0.7, 1e-3], np.float32)
    bias = np.array([1.1, -2.2, 0], np.float32)
    shape = 1, 3, 5
    source = single(ChannelwiseDequantize, [(U8, shape)], (F32, shape), scale=scale, bias=bias)
    assert_same(*both(source)[1:])


@given(st.floats(width=32))
def test_a_reciprocal_is_exact_or_none(value):
    found = floats.reciprocal(np.float32(value))
    with np.errstate(all="ignore"):
        assert found is None or np.float32(1) / np.float32(found) == np.float32(value)


def test_other_types_are_refused():
    from harness.kmodel import DType

    source = single(Quantize, [(F32, (1, 4))], (DType.I8, (1, 4)), scale=1.0, bias=0.0)
    with pytest.raises(ConversionError, match="00_quantize: its output is int8"):
        convert(source, 4)
