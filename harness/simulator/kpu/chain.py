"""From the sum to the byte: batch norm and activation table in int64.

Source: nncase v1.9.0 `k210_kernels.h` (rules "nncase-0.2"; the same since 0.2.0-alpha1 except
that 0.2 computes half of the divisor in 32 bits, which fails from shift 32 on), and nncase
v0.1.0-rc5 `K210Conv2d.cs` (rules "nncase-0.1").
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from harness.kmodel.tables import ActivationTable, BatchNorm
from harness.simulator.rules import Rules

# Products have at most 53 bits: beyond this shift nothing but the sign is left.
MOST_SHIFT = 60


def segment_order(start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the starts in ascending order, and the segment that holds behind each of them.

    Among the starts below a value the one with the highest index wins, in whatever order they
    stand. A value below all starts takes segment 0; the vendor's code is undefined there.

    Returns:
        int64 [16], int64 [17].
    """
    order = np.argsort(start, kind="stable")
    return start[order], np.concatenate([[0], np.maximum.accumulate(order)])


class Chain(nn.Module):
    """Batch norm and activation of a layer, channel by channel."""

    multiplier: Tensor
    shift: Tensor
    addend: Tensor
    starts: Tensor
    chosen: Tensor
    segment_start: Tensor
    segment_multiplier: Tensor
    segment_shift: Tensor
    segment_bias: Tensor

    def __init__(self, batch_norm: BatchNorm, table: ActivationTable, rules: Rules) -> None:
        super().__init__()
        self.rules = rules
        starts, chosen = segment_order(table.start)
        for name, values in {
            "multiplier": batch_norm.multiplier[:, None, None],
            "shift": batch_norm.shift[:, None, None],
            "addend": batch_norm.addend[:, None, None],
            "starts": starts,
            "chosen": chosen,
            "segment_start": table.start,
            "segment_multiplier": table.multiplier,
            "segment_shift": table.shift,
            "segment_bias": table.bias.astype(np.int64),
        }.items():
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(values)), False)

    def forward(self, sums: Tensor) -> Tensor:
        """Return uint8 [N, C, H, W] for sums int64 [N, C, H, W]."""
        return self.activate((((sums * self.multiplier) >> self.shift) + self.addend).contiguous())

    def activate(self, normed: Tensor) -> Tensor:
        """Return uint8 for what the batch norm gave, int64 of any shape."""
        reached = torch.bucketize(normed, self.starts, right=self.rules == "nncase-0.1")
        segment = self.chosen[reached]
        product = (normed - self.segment_start[segment]) * self.segment_multiplier[segment]
        rounded = shift_right(product, self.segment_shift[segment], self.rules)
        return (rounded + self.segment_bias[segment]).clamp_(0, 255).to(torch.uint8)


def shift_right(value: Tensor, shift: Tensor, rules: Rules) -> Tensor:
    """Return `value / 2**shift` rounded as a rule set does.

    Both add the sign of the value instead of 1, so that negative values may end up one lower.

    Args:
        value: int64.
        shift: int64, 0 or more, that broadcasts with `value`.
        rules: Round half up, or half to even.
    """
    floor = value >> shift
    half = (torch.ones_like(shift) << shift) >> 1
    rest = value - (floor << shift)
    if rules == "nncase-0.1":
        up = rest >= half
    else:
        up = (rest > half) | ((rest == half) & ((floor & 1) == 1))
    sign = 1 - 2 * (value < 0).to(torch.int64)
    return floor + torch.where(up & (shift > 0), sign, 0)
