"""Errors summed up over batches, so that no layer of all pictures has to be kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.blame.result import LayerError

Floats = npt.NDArray[np.float64]


@dataclass
class Tally:
    """The sums behind one `LayerError`.

    Attributes:
        signal: Power of the reference, of each channel.
        noise: Power of the difference, of each channel.
        not_finite: Values that are no numbers on either side: they are not in the sums.
    """

    signal: Floats = field(default_factory=lambda: np.zeros(1))
    noise: Floats = field(default_factory=lambda: np.zeros(1))
    product: float = 0.0
    power: float = 0.0
    largest: float = 0.0
    count: int = 0
    not_finite: int = 0

    def add(self, reference: Tensor, candidate: Tensor, signal: Floats | None = None) -> None:
        """Add the values of some pictures, [N, …]; of maps, [N, C, H, W], by channel.

        Sums of one batch are in float32, of blocks in PyTorch's own order; those of many in
        float64. The noise is a sum of squared differences, so nothing cancels.

        Args:
            reference: Float results.
            candidate: The others.
            signal: `powers(reference)`, where somebody has it already.
        """
        difference = reference - candidate
        noise = powers(difference)
        if not np.isfinite(noise).all():
            known = torch.isfinite(difference)
            lost = int((~known).sum())
            if lost:
                self.add(reference.where(known, 0.0), candidate.where(known, 0.0))
                self.not_finite, self.count = self.not_finite + lost, self.count - lost
                return
        signal = powers(reference) if signal is None else signal
        self.count += difference.numel()
        self.noise, self.signal = self.noise + noise, self.signal + signal
        flat = difference.reshape(-1)
        crossed = float(torch.dot(reference.reshape(-1), flat))
        self.product += float(signal.sum()) - crossed
        self.power += float(signal.sum()) - 2 * crossed + float(noise.sum())
        low, high = torch.aminmax(flat)
        self.largest = max(self.largest, -float(low), float(high))

    def error(self) -> LayerError:
        """Return the figures over all channels; NaN where anything is no number."""
        if self.not_finite:
            return LayerError(math.nan, math.nan, math.nan, math.nan, self.not_finite)
        signal, noise = float(self.signal.sum()), float(self.noise.sum())
        norms = math.sqrt(signal * max(0.0, self.power))
        cosine = max(-1.0, min(1.0, self.product / norms)) if norms else 0.0
        return LayerError(
            snr_db=decibels(signal, noise),
            cosine=cosine if noise else 1.0,
            mse=noise / max(1, self.count),
            max_abs=self.largest,
        )

    def channels(self) -> tuple[float | None, ...]:
        """Return the SNR of each channel in dB; None where there is no noise, or no signal."""
        pairs = zip(self.signal, self.noise, strict=True)
        return tuple(decibels(float(s), float(n)) if s else None for s, n in pairs)


def decibels(signal: float, noise: float) -> float | None:
    """Return signal power over noise power in dB; None where there is no noise."""
    if not noise:
        return None
    if not math.isfinite(noise):
        return -math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf


def powers(x: Tensor) -> Floats:
    """Return the sum of squares of each channel of [N, C, H, W]; of all values of others."""
    if x.dim() != 4:
        flat = x.reshape(-1)
        return np.array([float(torch.dot(flat, flat))])
    # One row a picture and channel: contiguous, unlike a sum over pictures and places at once.
    rows = torch.linalg.vector_norm(x.flatten(2), dim=2)
    return np.asarray(rows.double().square().sum(0).numpy(), np.float64)
