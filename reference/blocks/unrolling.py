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
import math

import torch
from torch import Tensor, nn

from reference.blocks.residual import ResidualBlock


def unroll_residual(block: ResidualBlock, scale: float = 1.0) -> nn.Sequential:
    """Return two 3x3 convolutions that equal a block on inputs that are nowhere negative.

    Args:
        block: The block.
        scale: By which the channels that are handed on are multiplied, and divided again. A
            power of two changes nothing in float. One map has one range of bytes for all of its
            channels: a scale that makes both halves reach equally far loses least.

    Raises:
        ValueError: The block has a norm (fold it first), a padding other than zeros, or no ReLU
            behind the addition.
    """
    first, second = _convolutions(block)
    channels = first.out_channels
    passing = torch.zeros_like(first.weight)
    passing[range(channels), range(channels), 1, 1] = 1.0
    biases = torch.cat([_bias(first), passing.new_zeros(channels)])
    widened = nn.Conv2d(channels, 2 * channels, 3, padding=1)
    _set(widened, torch.cat([first.weight, passing * scale]), biases)
    summing = nn.Conv2d(2 * channels, channels, 3, padding=1)
    _set(summing, torch.cat([second.weight, passing / scale], dim=1), _bias(second))
    unrolled = nn.Sequential(widened, nn.ReLU(), summing, nn.ReLU())
    return unrolled.to(first.weight).train(block.training)


def unroll_module(module: nn.Module, examples: Tensor) -> nn.Module:
    """Return a copy in evaluation mode in which every residual block is unrolled.

    The caller knows that no block's input is ever negative: a ReLU stands before each.

    Args:
        module: Has the blocks somewhere in it.
        examples: Inputs of the module, on which the halves of each map are balanced.
    """
    unrolled = copy.deepcopy(module).eval()
    scales = _scales(unrolled, examples)
    for parent in list(unrolled.modules()):
        for name, child in parent.named_children():
            if isinstance(child, ResidualBlock):
                setattr(parent, name, unroll_residual(child, scales[child]))
    return unrolled


def _scales(module: nn.Module, examples: Tensor) -> dict[nn.Module, float]:
    """Return for each block the power of two next to how much farther its inside reaches."""
    found: dict[nn.Module, float] = {}

    def measure(block: nn.Module, inputs: tuple[Tensor], _: Tensor) -> None:
        first, _second = _convolutions(block)
        reach, inside = float(inputs[0].max()), float(first(inputs[0]).max())
        usable = reach > 0 and inside > 0
        found[block] = 2.0 ** round(math.log2(inside / reach)) if usable else 1.0

    blocks = [one for one in module.modules() if isinstance(one, ResidualBlock)]
    hooks = [block.register_forward_hook(measure) for block in blocks]
    with torch.no_grad():
        module(examples)
    for hook in hooks:
        hook.remove()
    return found


def _convolutions(block: nn.Module) -> tuple[nn.Conv2d, nn.Conv2d]:
    if not isinstance(block, ResidualBlock):
        raise ValueError(f"a {type(block).__name__} is no residual block, and cannot be unrolled")
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
