"""Layers on 1x1 maps and norms behind transposed convolutions, in a form for the K210.

Transposed convolutions themselves are left to the compiler's legaliser.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn


class SplitLinear(nn.Module):
    """A linear layer in parts of at most `most` outputs: the KPU computes 1024 channels at most."""

    def __init__(self, linear: nn.Linear, most: int = 1024) -> None:
        super().__init__()
        parts = zip(torch.split(linear.weight, most), torch.split(linear.bias, most), strict=True)
        self.parts = nn.ModuleList(_linear(weight, bias) for weight, bias in parts)

    def forward(self, values: Tensor) -> Tensor:
        """Return what the whole layer gives: float32 [N, inputs] → [N, outputs]."""
        return torch.cat([part(values) for part in self.parts], dim=1)


def fold_transposed(conv: nn.ConvTranspose2d, norm: nn.BatchNorm2d) -> nn.ConvTranspose2d:
    """Return one transposed convolution that equals `norm(conv(x))` in evaluation mode.

    Raises:
        ValueError: The batch norm keeps no running statistics or has no scale.
    """
    if norm.running_mean is None or norm.running_var is None or not norm.affine:
        raise ValueError("a batch norm without running statistics and scale cannot be folded")
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    bias = norm.bias + (_bias(conv) - norm.running_mean) * scale
    folded = nn.ConvTranspose2d(
        conv.in_channels,
        conv.out_channels,
        cast("tuple[int, int]", conv.kernel_size),
        cast("tuple[int, int]", conv.stride),
        cast("tuple[int, int]", conv.padding),
        cast("tuple[int, int]", conv.output_padding),
    )
    weight = conv.weight * scale.view(1, -1, 1, 1)
    folded.load_state_dict({"weight": weight.detach(), "bias": bias.detach()})
    return folded.train(conv.training)


def spreading_as_linear(conv: nn.ConvTranspose2d) -> nn.Linear:
    """Return a linear layer for a transposed convolution on a 1x1 map.

    Its outputs are the new map's values, channel by channel, row by row.
    """
    weight = conv.weight.detach().flatten(1).T.contiguous()
    pixels = weight.shape[0] // conv.out_channels
    return _linear(weight, _bias(conv).detach().repeat_interleave(pixels))


def covering_as_linear(conv: nn.Conv2d) -> nn.Linear:
    """Return a linear layer of the flattened map for a convolution whose kernel covers it."""
    bias = conv.weight.new_zeros(conv.out_channels) if conv.bias is None else conv.bias
    return _linear(conv.weight.detach().flatten(1), bias.detach())


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0])
    linear.load_state_dict({"weight": weight.detach().clone(), "bias": bias.detach().clone()})
    return linear


def _bias(conv: nn.ConvTranspose2d) -> Tensor:
    return conv.weight.new_zeros(conv.out_channels) if conv.bias is None else conv.bias
