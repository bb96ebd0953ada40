"""The 3-D filter as 2-D convolutions, and a whole pair in one model.

The KPU has no third dimension: planes become channels. A 3x3x3 convolution over P planes is a 3x3
convolution over P times the channels, in which plane p reads planes p − 1 to p + 1 and weighs the
rest with zero; the planes beyond both ends are zeros as in 3-D.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference.stereonet.deploy import deployed
from reference.stereonet.networks import LEAK, CostFilter, StereoNet


def fold_planes(conv: nn.Conv3d, planes: int) -> nn.Conv2d:
    """Return a 2-D convolution that equals a 3x3x3 one with padding 1 on so many planes.

    Args:
        conv: [N, C, planes, H, W] → [N, C', planes, H, W].
        planes: P.

    Returns:
        [N, P C, H, W] → [N, P C', H, W], all channels of one plane after those of another.

    Raises:
        ValueError: It is another convolution.
    """
    if conv.kernel_size != (3, 3, 3) or conv.padding != (1, 1, 1) or conv.stride != (1, 1, 1):
        raise ValueError("only a 3x3x3 convolution with padding 1 can be folded")
    weight = conv.weight.detach()
    outputs, inputs = weight.shape[:2]
    kernel = weight.new_zeros(planes, outputs, planes, inputs, 3, 3)
    for place in range(planes):
        for depth in range(3):
            if 0 <= place + depth - 1 < planes:
                kernel[place, :, place + depth - 1] = weight[:, :, depth]
    folded = nn.Conv2d(planes * inputs, planes * outputs, 3, padding=1)
    bias = weight.new_zeros(outputs) if conv.bias is None else conv.bias.detach()
    folded.load_state_dict(
        {"weight": kernel.flatten(2, 3).flatten(0, 1), "bias": bias.repeat(planes)}
    )
    return folded


def fold_filter(cost_filter: CostFilter, planes: int) -> nn.Sequential:
    """Return the filter of the cost volume as 2-D convolutions, its norms folded in.

    It takes volumes as `planes_to_channels` arranges them: [N, P C, H, W] → costs [N, P, H, W].
    """
    layers: list[nn.Module] = []
    body = list(cost_filter.body)
    for layer, follower in zip(body, [*body[1:], None], strict=True):
        if isinstance(layer, nn.Conv3d):
            norm = follower if isinstance(follower, nn.BatchNorm3d) else None
            layers.append(fold_planes(_without_norm(layer, norm), planes))
        elif isinstance(layer, nn.LeakyReLU):
            layers.append(nn.LeakyReLU(LEAK))
    return nn.Sequential(*layers).eval().requires_grad_(False)


def planes_to_channels(volume: Tensor) -> Tensor:
    """Return a cost volume [N, C, P, H, W] as [N, P C, H, W]."""
    return volume.transpose(1, 2).flatten(1, 2)


class WholePair(nn.Module):
    """One picture with the left above the right one → costs, all in one model.

    Args:
        network: In evaluation mode.
        examples: Pictures, float32 [N, 3, H, W]; see `deployed`.
        height: Of one picture.
    """

    def __init__(self, network: StereoNet, examples: Tensor, height: int) -> None:
        super().__init__()
        self.height, self.planes = height, network.structure.planes
        tower = deployed(network.tower, examples)
        self.towers = nn.ModuleList(_of_half(tower, half) for half in (0, 1))
        self.filter = fold_filter(network.filter, self.planes)
        self.eval().requires_grad_(False)

    def forward(self, both: Tensor) -> Tensor:
        """Return costs, float32 [N, P, H / 2ᴷ, W / 2ᴷ], of [N, 3, 2 H, W]."""
        # No byte moves: in memory, the halves of a colour are two channels.
        halves = both.reshape(both.shape[0], -1, self.height, both.shape[3])
        left, right = (tower(halves) for tower in self.towers)
        planes = [left - right]
        for shift in range(1, self.planes):
            difference = left[..., shift:] - right[..., :-shift]
            planes.append(F.pad(difference, (shift, 0)))
        return self.filter(torch.cat(planes, dim=1))  # type: ignore[no-any-return]


def _of_half(tower: nn.Sequential, half: int) -> nn.Sequential:
    """Return a tower that looks at every second channel, beginning with `half`."""
    first, *others = tower
    assert isinstance(first, nn.Conv2d)
    wider = nn.Conv2d(2 * first.in_channels, first.out_channels, 3, stride=2, padding=1)
    weight = torch.zeros_like(wider.weight)
    weight[:, half::2] = first.weight
    assert first.bias is not None
    wider.load_state_dict({"weight": weight, "bias": first.bias})
    return nn.Sequential(wider, *others)


@torch.no_grad()
def _without_norm(conv: nn.Conv3d, norm: nn.BatchNorm3d | None) -> nn.Conv3d:
    folded = nn.Conv3d(conv.in_channels, conv.out_channels, 3, padding=1)
    bias: Any = conv.bias if conv.bias is not None else torch.zeros(conv.out_channels)
    weight = conv.weight
    if norm is not None:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        weight = weight * scale.view(-1, 1, 1, 1, 1)
        bias = norm.bias + (bias - norm.running_mean) * scale
    folded.load_state_dict({"weight": weight, "bias": bias})
    return folded
