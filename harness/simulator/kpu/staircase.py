"""The way from the sum to the byte as a staircase: the least sum of each byte, channel by channel.

Batch norm with a factor of 0 or more and segments that rise give bytes that never fall as the sum
grows. Such a channel is known by 255 numbers, whatever rounding made them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from harness.simulator.kpu.chain import Chain

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

BYTES = 256
MOST_ABOVE = 4
_REACH = 1 << 35
_NEVER = 1 << 60


@dataclass(frozen=True)
class Staircase:
    """What `harness.simulator.kpu.native` needs to turn sums into bytes.

    A byte is the line's, cut off at `top`, plus 1 for each step of `above` that is reached.

    Attributes:
        slope: float64 [C].
        level: float64 [C].
        top: The last byte that the line gives.
        above: float32 [C, 4], the steps behind the line; infinite where there are fewer.
        searched: int64, the channels that the line does not give exactly.
        steps: float32 [C, 255], the least sum of each byte above 0.
    """

    slope: Floats
    level: Floats
    top: float
    above: Singles
    searched: Integers
    steps: Singles

    @property
    def arguments(self) -> tuple[Floats, Floats, float, Singles, Integers, Singles]:
        """All of them, in the order in which the loops take them."""
        return self.slope, self.level, self.top, self.above, self.searched, self.steps


@dataclass(frozen=True)
class _Line:
    slope: Floats
    level: Floats
    last: int


def staircase(chain: Chain, constant: Integers, low: Integers, high: Integers) -> Staircase | None:
    """Return the staircase of a layer, or None where bytes may fall as the sum grows.

    Args:
        chain: Batch norm and activation.
        constant: int64 [C], part of the sum that is added before the batch norm.
        low: int64 [C], the least sum without the constant.
        high: int64 [C], the greatest.
    """
    multiplier = chain.multiplier.flatten().numpy()
    if (multiplier < 0).any() or not _rises(chain):
        return None
    activation_steps = _activation_steps(chain)
    steps = _through_batch_norm(chain, activation_steps) - constant[:, None]
    steps = np.clip(steps, low[:, None], high[:, None] + 1)
    line = _line(chain, constant, activation_steps)
    above = np.full((len(steps), MOST_ABOVE), np.inf, np.float32)
    behind = steps[:, line.last : line.last + MOST_ABOVE]
    above[:, : behind.shape[1]] = behind
    every = np.arange(len(steps))
    stairs = Staircase(
        line.slope, line.level, float(line.last), above, every, steps.astype(np.float32)
    )
    return replace(stairs, searched=every[~_agrees(steps, stairs, low, high)])


def _rises(chain: Chain) -> bool:
    """Return whether the activation never falls: inside a segment, and from one to the next."""
    starts = chain.starts
    used = chain.segment_multiplier[chain.chosen]
    around = torch.stack([(starts - 1).clamp(min=-_REACH), starts, starts + 1])
    before, at, behind = chain.activate(around).to(torch.int64)
    rises = (before <= at).all() and (at <= behind).all()
    return bool(rises and (used >= 0).all() and int(starts[0]) <= -_REACH)


def _activation_steps(chain: Chain) -> Integers:
    """Return the least input of the activation for each byte above 0: int64 [255]."""
    wanted = torch.arange(1, BYTES)
    low = torch.full_like(wanted, -_REACH)
    high = torch.full_like(wanted, _REACH)
    while bool((low < high).any()):
        middle = (low + high) >> 1
        # Of more than 200 at once PyTorch's search gives a part to each core: on a busy machine
        # waiting for the others takes a hundred times as long as the search.
        reached = torch.cat([chain.activate(some) for some in torch.split(middle, 128)]) >= wanted
        high = torch.where(reached, middle, high)
        low = torch.where(reached, low, torch.minimum(middle + 1, high))
    return np.where(low.numpy() == _REACH, _NEVER, low.numpy())


def _through_batch_norm(chain: Chain, steps: Integers) -> Integers:
    """Return the least sums [C, 255] whose batch norm reaches the steps [255]."""
    multiplier, shift, addend = (
        values.flatten().numpy()[:, None]
        for values in (chain.multiplier, chain.shift, chain.addend)
    )
    needed = (np.minimum(steps, 1 << 40) - addend) << shift
    divisor = np.maximum(multiplier, 1)
    least = -(-needed // divisor)
    constant = np.where(addend >= steps, -_NEVER, _NEVER)
    found = np.where(multiplier == 0, constant, least)
    return np.where(steps == _NEVER, _NEVER, found)


def _line(chain: Chain, constant: Integers, activation_steps: Integers) -> _Line:
    """Return the line of the segment in which the middle byte lies, and how far it reaches."""
    middle = activation_steps[BYTES // 2 - 1]
    reached = int(torch.bucketize(torch.tensor(middle), chain.starts, right=False))
    segment = int(chain.chosen[reached])
    end = int(chain.starts[reached]) if reached < len(chain.starts) else _NEVER
    inside = (activation_steps > int(chain.segment_start[segment])) & (activation_steps <= end)
    last = BYTES - 2 - inside[::-1].argmax()
    factor = int(chain.segment_multiplier[segment]) / (1 << int(chain.segment_shift[segment]))
    slope = chain.multiplier.flatten().numpy() / (1 << chain.shift.flatten().numpy())
    at_zero = chain.addend.flatten().numpy() - int(chain.segment_start[segment]) + slope * constant
    # Halves go up, and the floors of the batch norm cost half a unit on average.
    level = (at_zero - 0.5) * factor + int(chain.segment_bias[segment]) + 0.5
    return _Line(slope * factor, level, int(last) + 1)


def _agrees(steps: Integers, stairs: Staircase, low: Integers, high: Integers) -> Flags:
    """Return for which channels the line is exact: on both sides of every step, and at the ends."""
    limits = low[:, None], high[:, None]
    sums = np.concatenate([steps, steps - 1, *limits], 1).clip(*limits)
    on_line = sums * stairs.slope[:, None] + stairs.level[:, None]
    found = np.clip(on_line, 0, stairs.top).astype(np.int64)
    found += (sums[:, :, None] >= stairs.above[:, None]).sum(2)
    return np.array(
        [
            (np.searchsorted(own, sums[channel], "right") == found[channel]).all()
            for channel, own in enumerate(steps)
        ]
    )
