"""The tower as the K210 runs it: the trained layers, in 3x3 convolutions and nothing else.

The KPU has no 5x5 kernel, and the CPU would do the additions of the blocks, byte by byte. Both are
turned into 3x3 convolutions that compute the same:

- A 5x5 convolution of stride 2 is one of 3x3 over blocks of 2x2 pixels, and the blocks are made by
  a 3x3 convolution of stride 2 whose kernels pick one pixel each.
- A block's first convolution hands its input on beside its result, as x and as −x; since
  leaky(x) − leaky(−x) = 1.2 x, the second one adds the input up again, whatever its sign.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from reference.blocks.folding import fold_module
from reference.stereonet.networks import LEAK, LeakyBlock, Tower


def pack_stride(conv: nn.Conv2d) -> nn.Sequential:
    """Return two 3x3 convolutions that equal one of 5x5, stride 2 and padding 2, on even sides.

    Raises:
        ValueError: It is another convolution.
    """
    if (conv.kernel_size, conv.stride, conv.padding) != ((5, 5), (2, 2), (2, 2)):
        raise ValueError("only a 5x5 convolution of stride 2 and padding 2 can be packed")
    inputs, outputs = conv.in_channels, conv.out_channels
    picking = torch.zeros(4, inputs, inputs, 3, 3)
    kernel = torch.zeros(outputs, 4, inputs, 3, 3)
    for phase in range(4):
        down, across = divmod(phase, 2)
        picking[phase, range(inputs), range(inputs), 1 + down, 1 + across] = 1
        # Pixel 2 q + r of a line is number r of block q; a kernel reaches from −2 to 2.
        taps = conv.weight.detach()[:, :, down::2, across::2]
        kernel[:, phase, :, : taps.shape[2], : taps.shape[3]] = taps
    packing = nn.Conv2d(inputs, 4 * inputs, 3, stride=2, padding=1)
    _set(packing, picking.flatten(0, 1), torch.zeros(4 * inputs))
    dense = nn.Conv2d(4 * inputs, outputs, 3, padding=1)
    _set(dense, kernel.flatten(1, 2), _bias(conv))
    return nn.Sequential(packing, dense)


def unroll_leaky(block: LeakyBlock, scale: float = 1.0) -> nn.Sequential:
    """Return two convolutions that equal a block whose norms are folded.

    Args:
        block: The block.
        scale: By which the channels that are handed on are multiplied, and divided again.

    Raises:
        ValueError: The block still has norms.
    """
    convs = [layer for layer in block.body if isinstance(layer, nn.Conv2d)]
    if len(convs) != 2 or any(isinstance(layer, nn.BatchNorm2d) for layer in block.body):
        raise ValueError("fold the norms of a block before it is unrolled")
    first, second = convs
    channels = first.out_channels
    passing = torch.zeros_like(first.weight)
    passing[range(channels), range(channels), 1, 1] = 1
    widened = nn.Conv2d(channels, 3 * channels, 3, padding=1)
    weights = torch.cat([first.weight.detach(), scale * passing, -scale * passing])
    _set(widened, weights, torch.cat([_bias(first), torch.zeros(2 * channels)]))
    summing = nn.Conv2d(3 * channels, channels, 3, padding=1)
    back = passing / ((1 + LEAK) * scale)
    _set(summing, torch.cat([second.weight.detach(), back, -back], dim=1), _bias(second))
    return nn.Sequential(widened, nn.LeakyReLU(LEAK), summing, nn.LeakyReLU(LEAK))


@torch.no_grad()
def deployed(tower: Tower, examples: Tensor) -> nn.Sequential:
    """Return the tower as the K210 runs it.

    Args:
        tower: In evaluation mode.
        examples: Pictures, float32 [N, 3, H, W], on which the halves of each map are balanced:
            all channels of a map have one range of bytes.
    """
    layers: list[nn.Module] = []
    maps = examples
    for layer in fold_module(tower.body).children():
        made: nn.Module = layer
        if isinstance(layer, LeakyBlock):
            made = unroll_leaky(layer, _balance(layer, maps))
        elif isinstance(layer, nn.Conv2d) and layer.kernel_size == (5, 5):
            made = pack_stride(layer)
        layers += list(made) if isinstance(made, nn.Sequential) else [made]
        maps = layer(maps)
    return nn.Sequential(*layers).eval().requires_grad_(False)


def _balance(block: LeakyBlock, maps: Tensor) -> float:
    """Return the power of two next to how much farther a block's inside reaches than its input."""
    reach, inside = float(maps.abs().max()), float(block.body[0](maps).max())
    return 2.0 ** round(math.log2(inside / reach)) if reach > 0 and inside > 0 else 1.0


def _set(conv: nn.Conv2d, weight: Tensor, bias: Tensor) -> None:
    conv.load_state_dict({"weight": weight, "bias": bias})


def _bias(conv: nn.Conv2d) -> Tensor:
    if conv.bias is None:
        return torch.zeros(conv.out_channels)
    return conv.bias.detach().clone()
