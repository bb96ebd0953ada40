"""The activation table as the function of real numbers that it stands for."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.kmodel.tables import ActivationTable
from harness.simulator.kpu.chain import Chain

BYTE = 255
# How far, in bytes, a table may be from a function that scales with its input.
_TOLERANCE = 2.0
_POINTS = 64


def smooth_activation(chain: Chain, normed: Tensor) -> Tensor:
    """Return `clamp((b - start) * multiplier / 2**shift + bias, 0, 255)`, not rounded.

    The segment is the one that the exact arithmetic takes. The gradient is the segment's slope,
    and 0 where the byte is cut off.

    Args:
        chain: Tables of a layer.
        normed: What the batch norm gave, float of any shape.
    """
    dtype = normed.dtype
    starts = chain.starts.to(dtype)
    reached = torch.bucketize(normed.detach(), starts, right=chain.rules == "nncase-0.1")
    segment = chain.chosen[reached]
    slopes = chain.segment_multiplier.double() * torch.exp2(-chain.segment_shift.double())
    inside = normed - chain.segment_start.to(dtype)[segment]
    value = inside * slopes.to(dtype)[segment] + chain.segment_bias.to(dtype)[segment]
    return value.clamp(0, BYTE)


def steepest(table: ActivationTable) -> float:
    """Return the greatest slope of a table in bytes per unit of its input; 0 if it is flat."""
    slopes = [abs(m) * 2.0**-s for m, s in zip(table.multiplier, table.shift, strict=True)]
    return float(max(slopes))


def scales(chain: Chain, slope: float, zero: int) -> bool:
    """Return whether a table scales: `f(r * b) - zero = r * (f(b) - zero)` for all r > 0.

    ReLU, leaky ReLU and no activation do, within two bytes and as far as 0 and 255 cut nothing
    off. Then dividing the batch norm by r multiplies the step of the feature map by r.

    Args:
        chain: Tables of a layer.
        slope: What `steepest` returns.
        zero: The byte that stands for 0.
    """
    if not slope:
        return False
    reach = BYTE / slope
    inputs = torch.linspace(-reach, reach, 2 * _POINTS + 1, dtype=torch.float64)
    whole = smooth_activation(chain, inputs) - zero
    half = smooth_activation(chain, inputs / 2) - zero
    inside = (whole > -zero) & (whole < BYTE - zero)
    return bool(((2 * half - whole)[inside].abs() <= _TOLERANCE).all())
