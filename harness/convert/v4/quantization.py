"""Between bytes and floats: to the bit of the newer formulas, with the older operations.

v5 multiplies, rounds, adds and rounds. v4 knows one multiplication by a reciprocal and a whole
zero point, its quantisation rounds ties away from zero on a host and to even on the K210, and a
compiler may fuse its product and sum. Every step below has one rounding only.
"""

from __future__ import annotations

import numpy as np

from harness.convert.draft import BYTE, FLOAT, Coded, Draft, Padded, refuse
from harness.convert.floats import (
    Floats,
    dequantized,
    half_away,
    inverse_quantized,
    plain_dequantized,
    plain_quantized,
    quantized,
    reciprocal,
    same,
    single,
)
from harness.convert.moves import padded
from harness.convert.rules import Written
from harness.convert.v4 import steps
from harness.convert.v4.registry import rule
from harness.kmodel.memory import Buffer
from harness.kmodel.operations import (
    BinaryOp,
    ChannelwiseDequantize,
    Convert,
    Dequantize,
    DequantizeZeroPoint,
    Lut1d,
    Quantize,
    QuantizeInverse,
    QuantizeZeroPoint,
)

# Adding this to a float32 from -256 to 2^23 - 256 rounds it to a whole number, half to even: the
# sum lies where float32 has no fractions. Whatever is less or more stays below 0 or above 255.
# It is even, so that halves stay halves of the same side, and an odd multiple of 256, so that no
# value below 2^31 is rounded up to 2^31, which x86 makes 0, on the way.
ROUNDING = 2**23 + 256
# Whole numbers below this are exact as float32.
MOST_ZERO_POINT = 2**24


@rule(Dequantize)
def dequantize(draft: Draft, operation: Dequantize, x: Buffer) -> Written:
    """Compute q * scale + bias."""
    _bytes(x)
    table = dequantized(operation.scale, operation.bias)
    result, why = _dequantize(draft, operation, x, table)
    draft.know(result, np.unique(table), Coded(x, table))
    return Written((result,), why)


def _dequantize(
    draft: Draft, operation: Dequantize, x: Buffer, table: Floats
) -> tuple[Buffer, str]:
    scale, bias = single(operation.scale), single(operation.bias)
    inverse = reciprocal(float(scale))
    zero_point = _zero_point(scale, bias)
    if zero_point is not None and inverse is not None and _agree(inverse, zero_point, table):
        why = "all 256 codes agree, on a host and on the K210, fused or not"
        return steps.dequantize(draft, x, zero_point, inverse), why
    if inverse is not None:
        result = steps.dequantize(draft, x, 0, inverse)
        why = "with zero point 0 the product has one rounding, and the sum has its own"
    else:
        result = steps.dequantize(draft, x, 0, 1.0)
        result = steps.binary(draft, BinaryOp.MUL, result, draft.scalar(float(scale)))
        why = "bytes are exact as floats; product and sum have one rounding each"
    if bias != 0:
        result = steps.binary(draft, BinaryOp.ADD, result, draft.scalar(float(bias)))
    return result, why


def _agree(scale: float, zero_point: int, table: Floats) -> bool:
    return all(same(made, table) for made in plain_dequantized(scale, zero_point))


@np.errstate(all="ignore")
def _zero_point(scale: np.float32, bias: np.float32) -> int | None:
    """Return the whole number that a bias is, in steps of the scale, or None."""
    steps_ = -bias / scale
    whole = np.isfinite(steps_) and abs(steps_) < MOST_ZERO_POINT and steps_ == np.rint(steps_)
    return int(steps_) if whole else None


@rule(DequantizeZeroPoint)
def dequantize_zero_point(draft: Draft, operation: DequantizeZeroPoint, x: Buffer) -> Written:
    """Keep it."""
    result = steps.dequantize(draft, x, operation.zero_point, operation.scale)
    return Written((result,))


@rule(ChannelwiseDequantize)
def channelwise_dequantize(draft: Draft, operation: ChannelwiseDequantize, x: Buffer) -> Written:
    """Multiply and add with one value a channel."""
    _bytes(x)
    shape = (-1, *(1,) * (len(x.shape) - 2))
    result = steps.dequantize(draft, x, 0, 1.0)
    scale = draft.constant(operation.scale.reshape(shape))
    bias = draft.constant(operation.bias.reshape(shape))
    result = steps.binary(draft, BinaryOp.MUL, result, scale)
    result = steps.binary(draft, BinaryOp.ADD, result, bias)
    return Written((result,), "bytes are exact as floats; product and sum have one rounding each")


@rule(Quantize)
def quantize(draft: Draft, operation: Quantize, x: Buffer) -> Written:
    """Compute clamp(round_half_even(x * scale + bias))."""
    if operation.output.dtype is not BYTE:
        refuse(f"its output is {operation.output.dtype.value}, not uint8")
    padded_ = draft.padded.get(x.pool.name)
    if padded_ is not None:
        return _quantize_inside(draft, operation, padded_)
    result, why = _quantize(draft, operation, x)
    return Written((result,), why)


def _quantize_inside(draft: Draft, operation: Quantize, x: Padded) -> Written:
    """Quantise what was padded, and pad with what the padding becomes."""
    inner, why = _quantize(draft, operation, x.inner)
    value = quantized(np.array([x.value], np.float32), operation.scale, operation.bias)
    result = padded(draft, inner, x.paddings, int(value[0]))
    return Written((result,), f"{why}; padded behind it, with the byte that the padding becomes")


def _quantize(draft: Draft, operation: Quantize, x: Buffer) -> tuple[Buffer, str]:
    known = draft.values.get(x.pool.name)
    if known is not None:
        plain = _plain(known, operation.scale, operation.bias)
        if plain is not None:
            result = steps.quantize(draft, x, *plain)
            return result, f"its input has {len(known)} possible values, and all agree"
    t = x
    if operation.scale != 1:
        t = steps.binary(draft, BinaryOp.MUL, t, draft.scalar(operation.scale))
    if operation.bias != 0:
        t = steps.binary(draft, BinaryOp.ADD, t, draft.scalar(operation.bias))
    t = steps.binary(draft, BinaryOp.ADD, t, draft.scalar(ROUNDING))
    result = steps.quantize(draft, t, -ROUNDING, 1.0)
    why = "adding 2^23 + 256 rounds half to even; the quantisation then sees whole numbers only"
    return result, why


@np.errstate(all="ignore")
def _plain(known: Floats, scale: float, bias: float) -> tuple[int, float] | None:
    """Return zero point and scale of a v4 quantisation that gives the same for all values."""
    wanted = quantized(known, scale, bias)
    if not abs(bias) < MOST_ZERO_POINT:
        return None
    zero_point = round(bias)
    near = single(scale)
    for candidate in (near, np.nextafter(near, single(0)), np.nextafter(near, single(np.inf))):
        made = plain_quantized(known, float(candidate), zero_point)
        if all(same(one, wanted) for one in made):
            return zero_point, float(candidate)
    return None


@rule(QuantizeZeroPoint)
def quantize_zero_point(draft: Draft, operation: QuantizeZeroPoint, x: Buffer) -> Written:
    """Keep it."""
    return Written((steps.quantize(draft, x, operation.zero_point, operation.scale),))


@rule(QuantizeInverse)
def quantize_inverse(draft: Draft, operation: QuantizeInverse, x: Buffer) -> Written:
    """Compute clamp(round_half_away((x - bias) / scale))."""
    inverse = float(single(1) / single(operation.scale))
    known = draft.values.get(x.pool.name)
    t = x
    if operation.bias != 0:
        t = steps.binary(draft, BinaryOp.SUB, t, draft.scalar(operation.bias))
    if inverse != 1:
        t = steps.binary(draft, BinaryOp.MUL, t, draft.scalar(inverse))
    result = steps.quantize(draft, t, 0, 1.0)
    if known is None or not _agrees(known, operation, inverse):
        draft.differs("v3 rounds ties away from zero, the K210's v4 code to even")
    return Written((result,), "difference and product have one rounding each, and no tie can occur")


def _agrees(known: Floats, operation: QuantizeInverse, inverse: float) -> bool:
    wanted = inverse_quantized(known, operation.scale, operation.bias)
    t = (known - single(operation.bias)) * single(inverse)
    return same(wanted, inverse_quantized(known, operation.scale, operation.bias)) and same(
        half_away(t), np.rint(t)
    )


@rule(Convert)
def convert(draft: Draft, operation: Convert, x: Buffer) -> Written:
    """See a byte as a float."""
    if x.dtype is operation.output.dtype:
        return Written((x,), "its type does not change")
    if x.dtype is not BYTE or operation.output.dtype is not FLOAT:
        refuse(f"it converts {x.dtype.value} to {operation.output.dtype.value}")
    result = steps.dequantize(draft, x, 0, 1.0)
    table = np.arange(256, dtype=np.float32)
    draft.know(result, table, Coded(x, table))
    return Written((result,), "every byte is exact as a float")


@rule(Lut1d)
def lut1d(draft: Draft, operation: Lut1d, x: Buffer, table: Buffer) -> Written:
    """Keep a table of bytes."""
    if x.dtype is not BYTE or table.dtype is not BYTE or table.elements != 256:
        refuse(f"its table has {table.elements} entries of {table.dtype.value}")
    result = draft.emit(Lut1d, (x, table), BYTE, operation.output.shape, minimum=0, maximum=255)
    return Written((result,))


def _bytes(x: Buffer) -> None:
    if x.dtype is not BYTE:
        refuse(f"its input is {x.dtype.value}, not uint8")
