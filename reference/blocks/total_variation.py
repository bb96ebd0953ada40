"""Total variation of pictures: how much neighbouring pixels differ.

Source: A. Mahendran and A. Vedaldi, Understanding Deep Image Representations by Inverting Them,
https://arxiv.org/abs/1412.0035, where the exponent is called beta.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def total_variation(pictures: Tensor, exponent: float = 1.0) -> Tensor:
    """Return the sum over pixels of ((right − here)² + (below − here)²)^(B/2), a mean over items.

    Behind the last column and below the last row stands what stands in them, so that a vertical
    step of height one counts the picture's height. With B = 1 each summand is the length of the
    gradient: the form that is the same in all directions, though the DTN paper calls it
    anisotropic.

    Args:
        pictures: float [N, C, H, W]; channels are added.
        exponent: B, above zero.

    Returns:
        A scalar. Where all neighbours are equal, value and gradient are zero.
    """
    right = F.pad(pictures[..., 1:] - pictures[..., :-1], (0, 1))
    below = F.pad(pictures[..., 1:, :] - pictures[..., :-1, :], (0, 0, 0, 1))
    squares = right.square() + below.square()
    # The root has no gradient at zero: there the sum is left out.
    uneven = squares > 0
    lengths = torch.where(uneven, squares, 1).pow(exponent / 2)
    return torch.where(uneven, lengths, 0).sum() / len(pictures)
