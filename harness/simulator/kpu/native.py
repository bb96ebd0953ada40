"""Loops compiled for the processor: what PyTorch would need many passes over memory for.

Feature maps are uint8 [N, H, W, C], the order in which a pixel's channels lie side by side.
Sums are float32 that hold integers below 2^24. They become bytes by a line in float64 that was
checked at every step of the channel's staircase; where it is not exact, a walk along the steps
mends what it gives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

Array = np.ndarray[Any, Any]
Loop = TypeVar("Loop", bound=Callable[..., Any])


def compiled(function: Loop) -> Loop:
    """Return a function compiled at its first call, on all cores; the code is kept on disk."""
    return cast(Loop, numba.njit(cache=True, nogil=True, parallel=True)(function))


def inlined(function: Loop) -> Loop:
    """Return a function for use in compiled ones."""
    return cast(Loop, numba.njit(cache=True, nogil=True, inline="always")(function))


@inlined
def _walk(steps: Array, byte: np.uint8, total: np.float32) -> np.uint8:
    """Return how many of 255 ascending steps lie at or below a sum, searching from a guess."""
    place = np.int32(byte)
    while place < 255 and steps[place] <= total:
        place += 1
    while place > 0 and steps[place - 1] > total:
        place -= 1
    return np.uint8(place)


@inlined
def _climb(value: float, top: float, total: np.float32, above: Array) -> np.uint8:
    """Return the byte of the line, and 1 for each step behind it."""
    byte = np.int32(min(max(value, 0.0), top))
    for step in range(4):
        byte += np.int32(total >= above[step])
    return np.uint8(byte)


@compiled
def finish(
    sums: Array,
    slope: Array,
    level: Array,
    top: float,
    above: Array,
    searched: Array,
    steps: Array,
    out: Array,
) -> None:
    """Turn sums [M, C] into bytes [M, C].

    Args:
        sums: int32 or float32.
        slope: These and the next are those of `harness.simulator.kpu.staircase.Staircase`.
        level: See there.
        top: See there.
        above: See there.
        searched: See there.
        steps: See there.
        out: uint8.
    """
    for row in numba.prange(sums.shape[0]):
        for channel in range(sums.shape[1]):
            total = np.float32(sums[row, channel])
            value = np.float64(total) * slope[channel] + level[channel]
            out[row, channel] = _climb(value, top, total, above[channel])
        for channel in searched:
            total = np.float32(sums[row, channel])
            out[row, channel] = _walk(steps[channel], out[row, channel], total)


@compiled
def depthwise(
    x: Array,
    weights: Array,
    stride: int,
    slope: Array,
    level: Array,
    top: float,
    above: Array,
    searched: Array,
    steps: Array,
    out: Array,
) -> None:
    """Convolve each channel with its own 3x3 window, and turn the sums into bytes.

    Args:
        x: uint8 [N, H + 2, W + 2, C], with its border.
        weights: float32 [9, C].
        stride: Steps from window to window.
        slope: See `finish`.
        level: See `finish`.
        top: See `finish`.
        above: See `finish`.
        searched: See `finish`.
        steps: See `finish`.
        out: uint8 [N, h, w, C].
    """
    images, height, width, channels = out.shape
    for job in numba.prange(images * height):
        image, line = job // height, job % height
        first = line * stride
        sums = np.empty(channels, np.float32)
        for column in range(width):
            left = column * stride
            for c in range(channels):
                sums[c] = (
                    np.float32(x[image, first, left, c]) * weights[0, c]
                    + np.float32(x[image, first, left + 1, c]) * weights[1, c]
                    + np.float32(x[image, first, left + 2, c]) * weights[2, c]
                    + np.float32(x[image, first + 1, left, c]) * weights[3, c]
                    + np.float32(x[image, first + 1, left + 1, c]) * weights[4, c]
                    + np.float32(x[image, first + 1, left + 2, c]) * weights[5, c]
                    + np.float32(x[image, first + 2, left, c]) * weights[6, c]
                    + np.float32(x[image, first + 2, left + 1, c]) * weights[7, c]
                    + np.float32(x[image, first + 2, left + 2, c]) * weights[8, c]
                )
            for c in range(channels):
                value = np.float64(sums[c]) * slope[c] + level[c]
                out[image, line, column, c] = _climb(value, top, sums[c], above[c])
            for c in searched:
                byte = out[image, line, column, c]
                out[image, line, column, c] = _walk(steps[c], byte, sums[c])


@compiled
def windows(x: Array, stride: int, out: Array) -> None:
    """Write the 3x3 windows of all pixels side by side, as bytes minus 128.

    Args:
        x: uint8 [N, H + 2, W + 2, C], with its border.
        stride: Steps from window to window.
        out: int8 [N, h, w, 3, 3, C].
    """
    images, height, width = out.shape[:3]
    for job in numba.prange(images * height):
        image, line = job // height, job % height
        for column in range(width):
            for row in range(3):
                for place in range(3):
                    for c in range(x.shape[3]):
                        value = x[image, line * stride + row, column * stride + place, c]
                        out[image, line, column, row, place, c] = np.int8(np.int32(value) - 128)
