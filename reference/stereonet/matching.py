"""What StereoNet is measured against: windows compared by squares, and a constant."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.stereonet.volume import soft_argmin

WINDOW = 7
# Of soft arg min over mean squared differences of grey levels from 0 to 1.
SHARPNESS = 1000.0


def ssd_costs(left: Tensor, right: Tensor, disparities: int, window: int = WINDOW) -> Tensor:
    """Return mean squared differences over square windows.

    Args:
        left: Bytes of the left pictures, uint8 [N, C, H, W].
        right: Bytes of the right ones.
        disparities: D: 0 to D − 1 pixels are tried.
        window: Side of the window in pixels, odd.

    Returns:
        float32 [N, D, H, W], of levels from 0 to 1; infinite where there is no such pixel.
    """
    one, other = left.float() / 255, right.float() / 255
    half, costs = window // 2, []
    for shift in range(disparities):
        moved = F.pad(other, (shift, 0, 0, 0), mode="replicate")[..., : other.shape[-1]]
        squares = ((one - moved) ** 2).mean(dim=1, keepdim=True)
        padded = F.pad(squares, (half,) * 4, mode="replicate")
        cost = F.avg_pool2d(padded, window, stride=1)
        cost[..., :shift] = torch.inf
        costs.append(cost)
    return torch.cat(costs, dim=1)


def ssd_argmin(costs: Tensor) -> Tensor:
    """Return the whole-pixel disparity of the least cost, float32 [N, 1, H, W]."""
    return costs.argmin(dim=1, keepdim=True).float()


def ssd_soft_argmin(costs: Tensor, sharpness: float = SHARPNESS) -> Tensor:
    """Return the soft arg min over sharpened costs, float32 [N, 1, H, W]."""
    return soft_argmin(sharpness * costs)
