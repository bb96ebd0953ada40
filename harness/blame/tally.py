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
    """The sums behind one `LayerError`; values that are no numbers on either side do not count.

    Attributes:
        signal: Power of the reference, of each channel.
        noise: Power of the difference, of each channel.
    """

    signal: Floats = field(default_factory=lambda: np.zeros(1))
    noise: Floats = field(default_factory=lambda: np.zeros(1))
    product: float = 0.0
    power: float = 0.0
    largest: float = 0.0
    count: int = 0

    def add(self, reference: Tensor, candidate: Tensor) -> None:
        """Add the values of some pictures, [N, 1, C, …] or [N, …] alike.

        Sums of one batch are in float32, of blocks in PyTorch's own order; those of many in
        float64. The noise is a sum of squared differences, so nothing cancels.
        """
        difference = reference - candidate
        if bool(torch.isnan(torch.sum(difference))):
            known = torch.isfinite(difference)
            difference = difference.where(known, 0.0)
            reference, candidate = reference.where(known, 0.0), candidate.where(known, 0.0)
            self.count += int(known.sum())
        else:
            self.count += difference.numel()
        self.noise = self.noise + _powers(difference)
        self.signal = self.signal + _powers(reference)
        a, b = reference.reshape(-1), candidate.reshape(-1)
        self.power += float(torch.dot(b, b))
        self.product += float(torch.dot(a, b))
        self.largest = max(self.largest, float(difference.abs().max()))

    def error(self) -> LayerError:
        """Return the figures over all channels."""
        signal, noise = float(self.signal.sum()), float(self.noise.sum())
        norms = math.sqrt(signal * self.power)
        if norms:
            cosine = max(-1.0, min(1.0, self.product / norms))
        else:
            cosine = 1.0 if signal == self.power else 0.0
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
    return 10 * math.log10(signal / noise) if signal else -math.inf


def _powers(x: Tensor) -> Floats:
    """Return the sum of squares of each channel of [N, 1, C, H, W]; of all values of others."""
    if x.dim() != 5:
        flat = x.reshape(-1)
        return np.array([float(torch.dot(flat, flat))])
    norms = torch.linalg.vector_norm(x, dim=(0, 1, 3, 4))
    return np.asarray(norms.double().square().numpy(), np.float64)
