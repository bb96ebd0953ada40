"""Local phase differences, and what they say together: one number a band and frame, or a row.

Source: A. Davis et al., *The Visual Microphone*, SIGGRAPH 2014: Φ(t) = Σ A² φ_v. The sums are
divided by Σ A² here, so that the result is a mean phase in radians and light has no part in it.
"""

from __future__ import annotations

import torch
from torch import Tensor


def phase_differences(bands: Tensor, reference: Tensor) -> Tensor:
    """Return φ_v, by how much the phase of each coefficient differs from the reference frame's.

    Args:
        bands: Complex [T, K, h, w].
        reference: Complex [K, h, w], the same bands of one frame.

    Returns:
        Real [T, K, h, w], from −π to π.
    """
    return torch.angle(bands * reference.conj())


def pooled(bands: Tensor, reference: Tensor, weighted: bool = True) -> Tensor:
    """Return the mean phase difference of each frame and band, weighted by A²: [T, K], radians.

    Args:
        bands: Complex [T, K, h, w].
        reference: Complex [K, h, w].
        weighted: Whether by A²; without, to show what the weights are for.
    """
    phases = phase_differences(bands, reference)
    weights = _power(bands) if weighted else torch.ones_like(phases)
    return _mean(phases, weights, (-2, -1))


def pooled_rows(bands: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Return the same for each row of each frame, as a rolling shutter needs it.

    Returns:
        The means in radians and their weights Σ A², both [T, K, h]. The weighted mean of a
        frame's rows is what `pooled` gives.
    """
    weights = _power(bands)
    return _mean(phase_differences(bands, reference), weights, (-1,)), weights.sum(-1)


def _power(bands: Tensor) -> Tensor:
    return bands.real.square() + bands.imag.square()


def _mean(values: Tensor, weights: Tensor, axes: tuple[int, ...]) -> Tensor:
    total = weights.sum(axes)
    # Where nothing is to be seen, nothing moves.
    return (values * weights).sum(axes) / total.clamp_min(torch.finfo(total.dtype).tiny)
