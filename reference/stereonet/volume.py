"""The cost volume, and the disparity that is read from it.

A cost volume is float32 [N, C, planes, H, W]: plane d compares a cell of the one picture with the
cell of the other one that lies d cells beside it. A cell is 2ᴷ pixels wide, and so one plane.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Side = Literal["left", "right"]


def cost_volume(left: Tensor, right: Tensor, planes: int, side: Side = "left") -> Tensor:
    """Return the differences of features, C(c, d, y, x) = f_L(c, y, x) − f_R(c, y, x − d).

    With `side="right"`, C(c, d, y, x) = f_R(c, y, x) − f_L(c, y, x + d). Zero where the other
    picture has no such cell.

    Args:
        left: Features of the left picture, float32 [N, C, H, W].
        right: Features of the right picture, of the same shape.
        planes: Disparities to compare, 0 … planes − 1, in cells.
        side: The picture whose cells are compared with the other's.
    """
    if side == "left":
        return torch.stack([_difference(left, right, d) for d in range(planes)], dim=2)
    flipped = torch.stack(
        [_difference(right.flip(-1), left.flip(-1), d) for d in range(planes)], dim=2
    )
    return flipped.flip(-1)


def soft_argmin(costs: Tensor) -> Tensor:
    """Return Σ_d d · softmax_d(−C(d)), in planes.

    Args:
        costs: float32 [N, planes, H, W]; low where the pictures agree.

    Returns:
        float32 [N, 1, H, W], from 0 to planes − 1.
    """
    # Plane d stands for d cells: steps of one, whatever the number of planes.
    places = torch.arange(costs.shape[1], dtype=costs.dtype, device=costs.device)
    return (torch.softmax(-costs, dim=1) * places.view(1, -1, 1, 1)).sum(dim=1, keepdim=True)


def upsample(disparity: Tensor, size: tuple[int, int]) -> Tensor:
    """Return disparities (or colours) bilinearly at another size; their values keep their unit."""
    if tuple(disparity.shape[2:]) == size:
        return disparity
    return F.interpolate(disparity, size, mode="bilinear", align_corners=False)


def _difference(one: Tensor, other: Tensor, shift: int) -> Tensor:
    width = one.shape[-1]
    kept = max(width - shift, 0)
    difference = one[..., width - kept :] - other[..., :kept]
    return F.pad(difference, (width - kept, 0))
