"""Between bytes and floats with v3's layers.

v3 dequantises as v5 does. Its quantisation subtracts a bias, multiplies by a reciprocal and rounds
ties away from zero, where v5 multiplies, adds and rounds half to even.
"""

from __future__ import annotations

import numpy as np

from harness.convert.draft import BYTE, FLOAT, Coded, Draft, refuse
from harness.convert.floats import (
    Floats,
    dequantized,
    inverse_quantized,
    plain_dequantized,
    quantized,
    same,
    single,
)
from harness.convert.rules import Written
from harness.convert.v3 import steps
from harness.convert.v3.registry import rule
from harness.convert.v4.quantization import ROUNDING, lut1d
from harness.kmodel.memory import Buffer
from harness.kmodel.operations import (
    ChannelwiseDequantize,
    Convert,
    Dequantize,
    DequantizeZeroPoint,
    Lut1d,
    Quantize,
    QuantizeInverse,
)


@rule(Dequantize)
def dequantize(draft: Draft, operation: Dequantize, x: Buffer) -> Written:
    """Keep it: v3 and v5 compute the same."""
    return Written((dequantized_from(draft, x, operation.scale, operation.bias),))


def dequantized_from(draft: Draft, x: Buffer, scale: float, bias: float) -> Buffer:
    """Append a dequantisation of bytes."""
    if x.dtype is not BYTE:
        refuse(f"its input is {x.dtype.value}, not uint8")
    result = steps.dequantize(draft, x, scale, bias)
    table = dequantized(scale, bias)
    draft.know(result, np.unique(table), Coded(x, table, scale, bias))
    return result


@rule(DequantizeZeroPoint)
def dequantize_zero_point(draft: Draft, operation: DequantizeZeroPoint, x: Buffer) -> Written:
    """Take v3's formula where all codes agree."""
    scale = float(single(1) / single(operation.scale))
    bias = float(single(-operation.zero_point) * single(scale))
    table = dequantized(scale, bias)
    host = next(plain_dequantized(operation.scale, operation.zero_point))
    if not same(host, table):
        draft.differs("its formula with a bias differs from that with a zero point in the last bit")
    return Written((dequantized_from(draft, x, scale, bias),), "all 256 codes agree")


@rule(ChannelwiseDequantize)
def channelwise_dequantize(draft: Draft, operation: ChannelwiseDequantize, x: Buffer) -> Written:
    """Keep it."""
    fields = {"scale": operation.scale, "bias": operation.bias}
    return Written((draft.emit(ChannelwiseDequantize, (x,), FLOAT, x.shape, **fields),))


@rule(Convert)
def convert(draft: Draft, operation: Convert, x: Buffer) -> Written:
    """See a byte as a float."""
    if x.dtype is operation.output.dtype:
        return Written((x,), "its type does not change")
    if x.dtype is not BYTE or operation.output.dtype is not FLOAT:
        refuse(f"it converts {x.dtype.value} to {operation.output.dtype.value}")
    return Written((dequantized_from(draft, x, 1.0, 0.0),), "every byte is exact as a float")


@rule(Quantize)
def quantize(draft: Draft, operation: Quantize, x: Buffer) -> Written:
    """Compute clamp(round_half_even(x * scale + bias))."""
    if operation.output.dtype is not BYTE:
        refuse(f"its output is {operation.output.dtype.value}, not uint8")
    known = draft.values.get(x.pool.name)
    scale, bias, agrees = _inverse(known, operation)
    if agrees:
        result = steps.quantize(draft, x, scale, bias)
        assert known is not None
        return Written((result,), f"its input has {len(known)} possible values, and all agree")
    if steps.scalable(x):
        t = steps.scaled(draft, x, operation.scale, operation.bias)
        t = steps.plus(draft, t, ROUNDING)
        why = "diagonal full connections multiply and add; adding 2^23 + 256 rounds half to even"
        return Written((steps.quantize(draft, t, 1.0, ROUNDING),), why)
    reason = "v3 subtracts first and rounds ties away: bytes differ by 1 near ties"
    draft.differs(f"{reason}, and {x.elements} elements are too many to be scaled in steps")
    return Written((steps.quantize(draft, x, scale, bias),), reason)


@np.errstate(all="ignore")
def _inverse(known: Floats | None, operation: Quantize) -> tuple[float, float, bool]:
    """Return scale and bias of the nearest v3 quantisation, and whether it is known to agree."""
    near = single(1) / single(operation.scale)
    scales = near, np.nextafter(near, single(0)), np.nextafter(near, single(np.inf))
    biases = [float(single(-operation.bias) * scale) for scale in scales]
    pairs = [(float(scale), bias) for scale, bias in zip(scales, biases, strict=True)]
    if known is not None:
        wanted = quantized(known, operation.scale, operation.bias)
        for scale, bias in pairs:
            if same(inverse_quantized(known, scale, bias), wanted):
                return scale, bias, True
    return *pairs[0], False


@rule(QuantizeInverse)
def quantize_inverse(draft: Draft, operation: QuantizeInverse, x: Buffer) -> Written:
    """Keep it."""
    return Written((steps.quantize(draft, x, operation.scale, operation.bias),))


# v3 has the table of bytes that v4 has.
rule(Lut1d)(lut1d)
