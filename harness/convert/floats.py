"""Float formulas of the runtimes on all the values that can occur, for proofs by enumeration.

The host code of nncase 0.2 and the code for the K210 differ, and a compiler may or may not fuse
a product and a sum into one rounding: a formula counts as equal only if all four agree.
Source: nncase v0.2.0-beta4 `kernels/neutral/neutral_kernels.h`, `kernels/riscv/neutral_kernels.h`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

CODES = np.arange(256, dtype=np.uint8)
_INT32 = np.float32(2**31)


def single(value: float) -> np.float32:
    """Return a number as float32."""
    return np.float32(value)


def fused(a: Floats, b: np.float32, c: np.float32) -> Floats:
    """Return `a * b + c` rounded once.

    The product is exact in float64. The sum is rounded to odd there, so that the second rounding
    cannot meet a tie that the first one made.
    """
    product = a.astype(np.float64) * np.float64(b)
    total = product + np.float64(c)
    back = total - product
    error = (product - (total - back)) + (np.float64(c) - back)
    odd = (total.view(np.int64) & 1) == 1
    towards = np.where(error > 0, np.inf, -np.inf)
    nudged = np.where((error != 0) & ~odd, np.nextafter(total, towards), total)
    return np.asarray(nudged, np.float32)


def dequantized(scale: float, bias: float) -> Floats:
    """Return `q * scale + bias` of v3 and v5 for all 256 codes."""
    return CODES.astype(np.float32) * single(scale) + single(bias)


def plain_dequantized(scale: float, zero_point: int) -> Iterator[Floats]:
    """Yield what v4 makes of all 256 codes: on a host, and on the K210 in both ways."""
    codes, inverse = CODES.astype(np.float32), single(1) / single(scale)
    zero = single(-zero_point) * inverse
    yield (codes - single(zero_point)) * inverse
    yield codes * inverse + zero
    yield fused(codes, inverse, zero)


def to_byte(x: Floats) -> Bytes:
    """Clamp rounded floats to a byte; what does not fit an int32 becomes 0, as on x86."""
    fits = (x >= -_INT32) & (x < _INT32)
    return np.clip(np.where(fits, x, 0), 0, 255).astype(np.uint8)


def half_away(x: Floats) -> Floats:
    """Round to the nearest integer, ties away from zero."""
    whole = np.trunc(x)
    return np.asarray(whole + np.where(np.abs(x - whole) >= 0.5, np.sign(x), 0), np.float32)


def quantized(x: Floats, scale: float, bias: float) -> Bytes:
    """Return what v5 makes of floats."""
    return to_byte(np.rint(x * single(scale) + single(bias)))


def inverse_quantized(x: Floats, scale: float, bias: float) -> Bytes:
    """Return what v3 makes of floats."""
    return to_byte(half_away((x - single(bias)) * (single(1) / single(scale))))


def plain_quantized(x: Floats, scale: float, zero_point: int) -> Iterator[Bytes]:
    """Yield what v4 makes of floats: on a host and on the K210, fused or not.

    The K210 rounds half to even, but the last element of an odd number of them half away.
    """
    for t in (
        x * single(scale) + single(zero_point),
        fused(x, single(scale), single(zero_point)),
    ):
        yield to_byte(half_away(t))
        yield to_byte(np.rint(t))


def reciprocal(value: float) -> float | None:
    """Return a float32 whose reciprocal in float32 is a value, or None if there is none."""
    if not np.isfinite(value) or value == 0:
        return None
    with np.errstate(over="ignore"):
        near = single(1) / single(value)
    if not np.isfinite(near) or near == 0:
        return None
    for candidate in (near, np.nextafter(near, single(0)), np.nextafter(near, single(np.inf))):
        if single(1) / candidate == single(value):
            return float(candidate)
    return None


def same(a: npt.NDArray[np.generic], b: npt.NDArray[np.generic]) -> bool:
    """Return whether two arrays are the same to the bit."""
    return a.tobytes() == b.tobytes()
