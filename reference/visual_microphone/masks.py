"""Frequency responses of the steerable pyramid, for pictures of any size.

Raised cosines in log₂ of the radius and powers of cosine of the angle: E. P. Simoncelli and
W. T. Freeman, *The steerable pyramid*, ICIP 1995; the half plane that makes bands complex:
J. Portilla and E. P. Simoncelli, IJCV 2000. Frequencies are in units of the Nyquist frequency of
the picture, axis by axis, and zero is a bin of its own at odd sizes too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Plane:
    """The frequency plane of a picture, or its middle part: what each bin of an FFT stands for.

    Attributes:
        rows: float64 [h], vertical frequency of each bin, in FFT order.
        columns: float64 [w], horizontal frequency.
    """

    rows: Tensor
    columns: Tensor

    @classmethod
    def of(cls, height: int, width: int) -> Plane:
        """Return the whole plane of a picture: −1 to 1, zero first."""
        return cls(
            2 * torch.fft.fftfreq(height, dtype=torch.float64),
            2 * torch.fft.fftfreq(width, dtype=torch.float64),
        )

    @property
    def size(self) -> tuple[int, int]:
        """Bins downwards and across."""
        return len(self.rows), len(self.columns)

    @property
    def radius(self) -> Tensor:
        """float64 [h, w], distance from zero."""
        return torch.hypot(self.rows[:, None], self.columns[None, :])

    @property
    def angle(self) -> Tensor:
        """float64 [h, w], from −π to π; 0 is a frequency across."""
        return torch.atan2(
            self.rows[:, None].expand(self.size), self.columns[None, :].expand(self.size)
        )

    def middle(self) -> Plane:
        """Return the lower half of the frequencies in both directions, rounded up."""
        height, width = (math.ceil(bins / 2) for bins in self.size)
        return Plane(
            self.rows[kept(len(self.rows), height)], self.columns[kept(len(self.columns), width)]
        )


def kept(bins: int, fewer: int) -> Tensor:
    """Return where the `fewer` lowest frequencies stand among `bins`, in FFT order, int64."""
    positive = (fewer + 1) // 2
    return torch.cat([torch.arange(positive), torch.arange(bins - fewer // 2, bins)])


def high(plane: Plane, octave: int) -> Tensor:
    """Return the part above an octave's transition, which ends at radius 2^−octave: [h, w].

    Its square and that of `low` add up to 1.
    """
    return torch.sin(_transition(plane, octave))


def low(plane: Plane, octave: int) -> Tensor:
    """Return the part below an octave's transition: [h, w]."""
    return torch.cos(_transition(plane, octave))


def real_angular(plane: Plane, band: int, orientations: int) -> Tensor:
    """Return one orientation of real bands: [h, w]; the squares of all add up to 1.

    Without the factor (−i)^(orientations − 1) that makes the bands real at even numbers.
    """
    order = orientations - 1
    norm = math.sqrt(orientations * math.factorial(2 * order))
    scale: float = 2**order * math.factorial(order) / norm
    turned = torch.cos(plane.angle - math.pi * band / orientations)
    return scale * torch.pow(turned, order)


def angular(plane: Plane, band: int, orientations: int) -> Tensor:
    """Return one orientation of complex bands: [h, w], half of the plane only.

    √2 times `real_angular` there, so that a real picture's complex bands have its energy.
    """
    turned = torch.cos(plane.angle - math.pi * band / orientations)
    return math.sqrt(2) * real_angular(plane, band, orientations) * (turned > 0)


def _transition(plane: Plane, octave: int) -> Tensor:
    """Return 0 below, π/2 above, and what is linear in log₂ of the radius in between."""
    # Zero itself has no logarithm, and lies below every transition.
    octaves = torch.log2(plane.radius.clamp_min(torch.finfo(torch.float64).tiny)) + octave + 1
    return math.pi / 2 * octaves.clamp(0, 1)
