"""The poolings of the KPU, on uint8 maps and on real numbers.

Source: nncase v1.9.0 `k210_kernels.h`, `kpu_pool2d`. Kinds that pick one value of each window are
not here: the convolution computes only what they pick.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from harness.kmodel.operations import Pooling

PICKS = {
    Pooling.NONE: (0, 0),
    Pooling.LEFT_TOP_2_STRIDE_2: (0, 0),
    Pooling.RIGHT_TOP_2_STRIDE_2: (0, 1),
    Pooling.LEFT_TOP_4_STRIDE_4: (0, 0),
}
"""Line and column that a kind takes of each window."""


def pool(x: Tensor, kind: Pooling) -> Tensor:
    """Return uint8 [N, C, h, w] for uint8 [N, C, H, W]; sizes that do not divide lose the rest."""
    if kind in PICKS:
        return x
    if kind is Pooling.MEAN_2_STRIDE_1:
        padded = torch.cat([x, x[..., -1:]], -1)
        return _four(torch.cat([padded, padded[..., -1:, :]], -2))
    if kind is Pooling.MAX_2_STRIDE_1:
        padded = functional.pad(x, (0, 1, 0, 1))
        lines = torch.maximum(padded[..., :-1, :], padded[..., 1:, :])
        return torch.maximum(lines[..., :-1], lines[..., 1:])
    return _blocks(x, kind)


def pool_reals(x: Tensor, kind: Pooling) -> Tensor:
    """Return what `pool` does to bytes, of real numbers of 0 and more, without rounding."""
    if kind in PICKS:
        return x
    if kind is Pooling.MEAN_2_STRIDE_1:
        return functional.avg_pool2d(functional.pad(x, (0, 1, 0, 1), mode="replicate"), 2, 1)
    if kind is Pooling.MAX_2_STRIDE_1:
        return functional.max_pool2d(functional.pad(x, (0, 1, 0, 1)), 2, 1)
    if kind in (Pooling.MAX_2_STRIDE_2, Pooling.MAX_4_STRIDE_4):
        return functional.max_pool2d(x, kind.size, kind.size)
    return functional.avg_pool2d(x, kind.size, kind.size)


def _four(x: Tensor) -> Tensor:
    wide = x.to(torch.int16)
    lines = wide[..., :-1, :] + wide[..., 1:, :]
    return ((lines[..., :-1] + lines[..., 1:]) >> 2).to(torch.uint8)


def _blocks(x: Tensor, kind: Pooling) -> Tensor:
    size = kind.size
    height, width = (n // size for n in x.shape[-2:])
    blocks = torch.unflatten(x[..., : height * size, : width * size], -1, (width, size))
    blocks = torch.unflatten(blocks, -3, (height, size))
    if kind in (Pooling.MAX_2_STRIDE_2, Pooling.MAX_4_STRIDE_4):
        return blocks.amax((-3, -1))
    shift = 2 * (size.bit_length() - 1)
    return (blocks.sum((-3, -1), dtype=torch.int32) >> shift).to(torch.uint8)
