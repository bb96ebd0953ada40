"""Residual blocks as plain convolutions: no addition, which the K210 does on its CPU.

nncase 1.9 makes of an addition a 1x1 convolution over both maps joined, and the CPU joins them:
both are turned into floats, written one behind the other and turned into bytes again, which takes
some hundred times as long as the convolutions beside it. A block whose input is nowhere negative
needs no addition: its first convolution hands the input on beside its own result, as further
channels that the ReLU leaves alone, and the second one adds them up. That is twice the
multiplications, all of them on the KPU.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from reference.blocks.residual import ResidualBlock


def unroll_residual(block: ResidualBlock) -> nn.Sequential:
    """Return two 3x3 convolutions that equal a block on inputs that are nowhere negative.

    Raises:
        ValueError: The block has a norm (fold it first), a padding other than zeros, or no ReLU
            behind the addition.
    """
    first, second = _convolutions(block)
    channels = first.out_channels
    passing = torch.zeros_like(first.weight)
    passing[range(channels), range(channels), 1, 1] = 1.0
    widened = nn.Conv2d(channels, 2 * channels, 3, padding=1)
    _set(
        widened,
        torch.cat([first.weight, passing]),
        torch.cat([_bias(first), passing.new_zeros(channels)]),
    )
    summing = nn.Conv2d(2 * channels, channels, 3, padding=1)
    _set(summing, torch.cat([second.weight, passing], dim=1), _bias(second))
    unrolled = nn.Sequential(widened, nn.ReLU(), summing, nn.ReLU())
    return unrolled.to(first.weight).train(block.training)


def unroll_module(module: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode in which every residual block is unrolled.

    The caller knows that no block's input is ever negative: a ReLU stands before each.
    """
    unrolled = copy.deepcopy(module).eval()
    for parent in list(unrolled.modules()):
        for name, child in parent.named_children():
            if isinstance(child, ResidualBlock):
                setattr(parent, name, unroll_residual(child))
    return unrolled


def _convolutions(block: ResidualBlock) -> tuple[nn.Conv2d, nn.Conv2d]:
    layers = list(block.body)
    if len(layers) != 3 or not isinstance(block.final, nn.ReLU):
        raise ValueError("only a block without norm and with a ReLU at its end can be unrolled")
    first, second = layers[0], layers[2]
    if not isinstance(first, nn.Conv2d) or not isinstance(second, nn.Conv2d):
        raise ValueError("only a block of two convolutions can be unrolled")
    if first.padding_mode != "zeros":
        raise ValueError(f"a block padded by {first.padding_mode!r} cannot be unrolled")
    return first, second


def _set(conv: nn.Conv2d, weight: Tensor, bias: Tensor) -> None:
    conv.load_state_dict({"weight": weight.detach(), "bias": bias.detach()})


def _bias(conv: nn.Conv2d) -> Tensor:
    return conv.weight.new_zeros(conv.out_channels) if conv.bias is None else conv.bias
