"""Affine maps folded into the convolution before or behind them: one layer fewer on the KPU."""

from __future__ import annotations

import copy
import itertools
from typing import cast

import torch
from torch import Tensor, nn


def fold_batch_norm(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """Return one convolution that equals `norm(conv(x))` in evaluation mode.

    Raises:
        ValueError: The batch norm keeps no running statistics.
    """
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("a batch norm without running statistics cannot be folded")
    scale = torch.rsqrt(norm.running_var + norm.eps)
    if norm.affine:
        scale = norm.weight * scale
    bias = _bias(conv) - norm.running_mean
    shift = norm.bias if norm.affine else torch.zeros_like(scale)
    return _with_parameters(conv, conv.weight * scale.view(-1, 1, 1, 1), bias * scale + shift)


def fold_input_scaling(conv: nn.Conv2d, scale: float, shift: float) -> nn.Conv2d:
    """Return a convolution that equals `conv(scale * x + shift)` wherever it sees no padding.

    At the border the two differ unless `shift` is zero: a padded zero stands for `shift` here,
    and for zero in the original.
    """
    bias = _bias(conv) + shift * conv.weight.sum(dim=(1, 2, 3))
    return _with_parameters(conv, conv.weight * scale, bias)


def fold_module(module: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode in which no batch norm follows a convolution any more."""
    folded = copy.deepcopy(module).eval()
    for parent in folded.modules():
        if isinstance(parent, nn.Sequential):
            _fold_pairs(parent)
    return folded


def _fold_pairs(sequence: nn.Sequential) -> None:
    for name, follower in itertools.pairwise(list(sequence._modules)):
        conv, norm = sequence._modules[name], sequence._modules[follower]
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            sequence._modules[name] = fold_batch_norm(conv, norm)
            sequence._modules[follower] = nn.Identity()


def _bias(conv: nn.Conv2d) -> Tensor:
    zeros = conv.weight.new_zeros(conv.out_channels)
    return zeros if conv.bias is None else conv.bias


def _with_parameters(conv: nn.Conv2d, weight: Tensor, bias: Tensor) -> nn.Conv2d:
    folded = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        cast("tuple[int, int]", conv.kernel_size),
        cast("tuple[int, int]", conv.stride),
        cast("tuple[int, int]", conv.padding),
        cast("tuple[int, int]", conv.dilation),
        conv.groups,
    )
    folded.load_state_dict({"weight": weight.detach(), "bias": bias.detach()})
    return folded.to(conv.weight).train(conv.training)
