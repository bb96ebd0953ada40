"""The rolling shutter: each row of a frame is a sample of its own, with gaps between frames.

A. Davis et al., *The Visual Microphone*, SIGGRAPH 2014, make 61,920 samples a second of 60 frames.
That is a line delay of 16.1 µs; with 720 rows, 70 % of the time is seen. (The figure is from a
summary of the paper; rows and delay could not be confirmed, but fit it.)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy import linalg

from harness.errors import DataError
from reference.visual_microphone.filters import Sound, high_pass
from reference.visual_microphone.motion import pooled_rows
from reference.visual_microphone.pyramid import SteerablePyramid
from reference.visual_microphone.recovery import CUTOFF_HZ, Frames, chunks

Array = npt.NDArray[np.float64]

# Autoregressive model of the gaps, and how often model and samples are found in turn.
ORDER, ROUNDS = 48, 3


@dataclass(frozen=True)
class Shutter:
    """When a camera sees which row.

    Attributes:
        frame_rate: Frames a second.
        line_delay: Seconds from one row to the next; 0 for a global shutter.
        rows: Rows of a frame.

    Raises:
        DataError: The rows take longer than a frame.
    """

    frame_rate: float
    line_delay: float
    rows: int

    def __post_init__(self) -> None:
        if self.frame_rate <= 0 or self.line_delay < 0 or self.rows < 1:
            raise DataError("a shutter needs a frame rate above 0, a delay of 0 or more, and rows")
        if self.gap <= 0:
            raise DataError(
                f"{self.rows} rows every {self.line_delay * 1e6:g} µs take longer than a frame of "
                f"{1e3 / self.frame_rate:g} ms",
                "give the line delay in seconds",
            )

    @property
    def gap(self) -> float:
        """Seconds between the last row of a frame, with its delay, and the next frame."""
        return 1 / self.frame_rate - self.rows * self.line_delay

    @property
    def rate(self) -> float:
        """Samples a second."""
        return 1 / self.line_delay if self.line_delay else self.frame_rate

    @property
    def seen(self) -> float:
        """Share of the time in which rows are read."""
        return self.rows * self.line_delay * self.frame_rate

    def times(self, frames: int) -> Array:
        """Return the time of each row of each frame in seconds, [frames, rows]."""
        starts = np.arange(frames)[:, None] / self.frame_rate
        return np.asarray(starts + np.arange(self.rows)[None] * self.line_delay)


def row_motion(frames: Frames | Iterable[Frames], orientations: int = 2) -> tuple[Array, Array]:
    """Return how far each row of each frame has moved to the right, and how sure that is.

    A row's phases are turned into pixels by its own spatial frequency, which would otherwise be
    heard as a change of loudness from row to row; what a row shows on average is taken off, since
    the frame that motion is told from moves, too.

    Args:
        frames: [T, H, W], bytes or floats, or such parts of a video.
        orientations: Bands of the pyramid's finest scale.

    Returns:
        Pixels and weights, both [T, H].
    """
    parts = chunks(frames)
    head = next(parts)
    pyramid = SteerablePyramid((head.shape[1], head.shape[2]), 1, orientations)
    first = pyramid.oriented(head[:1].float())[0][0]
    gain = _row_frequency(first)
    motion, weight = [], []
    with torch.no_grad():
        for part in itertools.chain([head], parts):
            (bands,) = pyramid.oriented(part.float())
            means, weights = pooled_rows(bands, first)
            sure = (weights * gain.square()).sum(1)
            motion.append((weights * gain * means).sum(1) / sure.clamp_min(1e-30))
            weight.append(sure)
    pixels = torch.cat(motion).double().numpy()
    return -(pixels - pixels.mean(axis=0)), torch.cat(weight).double().numpy()


def recover_rows(
    frames: Frames | Iterable[Frames], shutter: Shutter, cutoff: float = CUTOFF_HZ
) -> Sound:
    """Return the sound of a rolling shutter's frames, at `shutter.rate`, [T'].

    Without a line delay all rows of a frame are one sample, as with a global shutter.

    Raises:
        DataError: The frames have another number of rows than the shutter.
    """
    motion, weight = row_motion(frames)
    if motion.shape[1] != shutter.rows:
        raise DataError(f"frames of {motion.shape[1]} rows are none of {shutter.rows}")
    if shutter.line_delay == 0:
        sound = (motion * weight).sum(axis=1) / weight.sum(axis=1)
        return high_pass(sound, shutter.rate, cutoff)
    return high_pass(fill_gaps(*spread(motion, shutter)), shutter.rate, cutoff)


def spread(motion: Array, shutter: Shutter) -> tuple[Sound, npt.NDArray[np.bool_]]:
    """Return rows [T, H] on an even grid of samples, and which of these were seen."""
    places = np.rint(shutter.times(len(motion)) * shutter.rate).astype(int)
    samples = np.zeros(places.max() + 1)
    seen = np.zeros(len(samples), bool)
    samples[places], seen[places] = motion, True
    return samples, seen


def fill_gaps(samples: Sound, seen: npt.NDArray[np.bool_]) -> Sound:
    """Return samples [T] with those in place that were not seen.

    Each gap is filled as an autoregressive model of both its sides has it; model and samples are
    found in turn. A. J. E. M. Janssen, R. N. J. Veldhuis and L. B. Vries, IEEE TASSP 34, 1986.
    """
    filled = np.interp(np.arange(len(samples)), np.flatnonzero(seen), samples[seen])
    edges = np.flatnonzero(np.diff(np.concatenate([[1], seen.astype(int), [1]])))
    for start, end in edges.reshape(-1, 2):
        side = 2 * (end - start) + 2 * ORDER
        around = slice(max(0, start - side), min(len(samples), end + side))
        hidden = ~seen[around]
        for _ in range(ROUNDS):
            filled[around] = _interpolated(filled[around], hidden)
    return filled


def _row_frequency(bands: torch.Tensor) -> torch.Tensor:
    """Return each row's spatial frequency across, weighted by A²: [K, h] of [K, h, w], radians."""
    steps = bands * torch.roll(bands, 1, -1).conj()
    power = steps.abs()
    total = power.sum(-1).clamp_min(torch.finfo(power.dtype).tiny)
    return (torch.angle(steps) * power).sum(-1) / total


def _interpolated(samples: Sound, hidden: npt.NDArray[np.bool_]) -> Sound:
    order = min(ORDER, len(samples) // 3)
    shape = np.correlate(samples, samples, "full")[len(samples) - 1 :][: order + 1]
    if not shape[0] > 0:
        return samples
    shape = shape.copy()
    shape[0] *= 1 + 1e-6
    model = np.concatenate([[1.0], -linalg.solve_toeplitz(shape[:-1], shape[1:])])
    # The squared errors of the model are a quadratic form in the samples: set its gradient to zero.
    reach = np.correlate(model, model, "full")[order:]
    places, known = np.flatnonzero(hidden), np.flatnonzero(~hidden)
    lags = np.pad(reach, (0, len(samples) - order - 1))
    matrix = lags[np.abs(places[:, None] - places[None])]
    right = -lags[np.abs(places[:, None] - known[None])] @ samples[known]
    filled = samples.copy()
    filled[places] = linalg.solve(matrix, right, assume_a="pos")
    return filled
