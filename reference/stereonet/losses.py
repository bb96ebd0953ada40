"""The robust loss, and its sum over all levels of the hierarchy.

Sources: https://arxiv.org/abs/1807.08865; the general and adaptive robust loss is J. T. Barron's,
https://arxiv.org/abs/1701.03077. α = 1 and c = 2 are what public implementations have.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from harness.errors import DataError
from reference.stereonet.volume import upsample

ALPHA, SCALE = 1.0, 2.0


def general_robust(x: Tensor, alpha: float, c: float) -> Tensor:
    """Return Barron's ρ(x, α, c) elementwise.

    (|α − 2| / α) · (((x / c)² / |α − 2| + 1)^(α / 2) − 1), and its limits: α = 2 is squares,
    α = 0 Cauchy's loss, α = −∞ Welsch's.

    Raises:
        ValueError: `c` is not above zero.
    """
    if not c > 0:
        raise ValueError(f"the scale c of a robust loss is above zero, not {c}")
    squared = (x / c) ** 2
    if alpha == 2:
        return squared / 2
    if alpha == 0:
        return torch.log1p(squared / 2)
    if alpha == -math.inf:
        return 1 - torch.exp(-squared / 2)
    distance = abs(alpha - 2)
    return distance / alpha * ((squared / distance + 1) ** (alpha / 2) - 1)


def rho(x: Tensor) -> Tensor:
    """Return ρ(x) = √((x / 2)² + 1) − 1: x² / 8 near zero, |x| / 2 − 1 far off."""
    return general_robust(x, ALPHA, SCALE)


def known(truth: Tensor, disparities: int) -> Tensor:
    """Return where a true disparity is known and looked for: 0 < d* < D, as bool."""
    return (truth > 0) & (truth < disparities)


def level_losses(levels: Sequence[Tensor], truth: Tensor, valid: Tensor) -> dict[str, Tensor]:
    """Return the mean of ρ over the valid pixels of each level, upsampled to full size.

    Args:
        levels: Disparities, float32 [N, 1, h, w] each, in pixels of the full picture.
        truth: True disparities, float32 [N, 1, H, W].
        valid: Where they count, bool of the same shape.

    Returns:
        `L_0`, `L_1`, … by level, coarse first.

    Raises:
        DataError: No pixel counts.
    """
    count = valid.sum()
    if not count:
        raise DataError("no pixel of a batch has a known disparity", "leave such pairs out")
    height, width = truth.shape[2:]
    # Chosen before they are subtracted: what an unknown truth holds, a NaN too, has no gradient.
    target = truth[valid]
    return {
        f"L_{number}": rho(upsample(level, (height, width))[valid] - target).sum() / count
        for number, level in enumerate(levels)
    }


def hierarchical(levels: Sequence[Tensor], truth: Tensor, valid: Tensor) -> Tensor:
    """Return L = Σ_k mean ρ(d̂ᵏ − d*), in which every level weighs the same."""
    return torch.stack(list(level_losses(levels, truth, valid).values())).sum()


def not_finite(terms: dict[str, Tensor]) -> str | None:
    """Return the name of the first term that is no finite number, if there is one."""
    finite = torch.isfinite(torch.stack([term.detach() for term in terms.values()])).tolist()
    return next((name for name, fine in zip(terms, finite, strict=True) if not fine), None)
