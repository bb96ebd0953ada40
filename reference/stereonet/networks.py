"""StereoNet: Siamese tower, filtered cost volume, soft arg min, and hierarchical refinement.

Source: S. Khamis et al., StereoNet: Guided Hierarchical Refinement for Real-Time Edge-Aware Depth
Prediction, ECCV 2018, https://arxiv.org/abs/1807.08865; `reference.stereonet.structure` says what
is whose. Pictures are float32 [N, 3, H, W] in −1 to 1, H and W multiples of 2ᴷ. Disparities are in
pixels of the full picture, whatever the size of the map that they stand in.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import DataError
from reference.stereonet.structure import BLOCKS, COLOURS, DILATIONS, FILTERS, Structure
from reference.stereonet.volume import Side, cost_volume, soft_argmin, upsample

LEAK = 0.2
# A refiner sees disparities, and says what to add, in this many pixels: numbers near those of
# colours. Our choice.
UNIT = 8.0


class LeakyBlock(nn.Module):
    """`leaky(x + norm(conv(leaky(norm(conv(x))))))`: float32 [N, C, H, W] → the same shape."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_normed(channels, dilation), nn.LeakyReLU(LEAK), *_normed(channels, dilation)
        )
        self.final = nn.LeakyReLU(LEAK)

    def forward(self, features: Tensor) -> Tensor:
        """Return the features with what the block adds to them."""
        return self.final(features + self.body(features))  # type: ignore[no-any-return]


class Tower(nn.Module):
    """The feature tower, one for both pictures: [N, 3, H, W] → [N, C, H / 2ᴷ, W / 2ᴷ]."""

    def __init__(self, structure: Structure) -> None:
        super().__init__()
        channels, inputs = structure.channels, COLOURS
        layers: list[nn.Module] = []
        for _ in range(structure.levels):
            layers.append(nn.Conv2d(inputs, channels, 5, stride=2, padding=2))
            inputs = channels
        layers += [LeakyBlock(channels) for _ in range(BLOCKS)]
        self.body = nn.Sequential(*layers, nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the features."""
        return self.body(pictures)  # type: ignore[no-any-return]


class CostFilter(nn.Module):
    """3-D convolutions over the cost volume: [N, C, planes, H, W] → costs [N, planes, H, W]."""

    def __init__(self, structure: Structure) -> None:
        super().__init__()
        channels = structure.channels
        layers: list[nn.Module] = []
        for _ in range(FILTERS):
            layers += [nn.Conv3d(channels, channels, 3, padding=1), nn.BatchNorm3d(channels)]
            layers.append(nn.LeakyReLU(LEAK))
        self.body = nn.Sequential(*layers, nn.Conv3d(channels, 1, 3, padding=1))

    def forward(self, volume: Tensor) -> Tensor:
        """Return one cost a plane."""
        return self.body(volume).squeeze(1)  # type: ignore[no-any-return]


class Refiner(nn.Module):
    """Colours and an upsampled disparity → the disparity that keeps to the picture's edges.

    Its last convolution begins at zero, so that an untrained refiner is bilinear upsampling.
    """

    def __init__(self, structure: Structure) -> None:
        super().__init__()
        channels = structure.channels
        self.body = nn.Sequential(
            nn.Conv2d(COLOURS + 1, channels, 3, padding=1),
            *[LeakyBlock(channels, dilation) for dilation in DILATIONS],
        )
        self.last = nn.Conv2d(channels, 1, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)

    def forward(self, disparity: Tensor, colours: Tensor) -> Tensor:
        """Return ReLU(disparity + residual) at the colours' size.

        Args:
            disparity: Of the level before, float32 [N, 1, h, w].
            colours: The picture at the new size, float32 [N, 3, H, W].
        """
        height, width = colours.shape[2:]
        coarse = upsample(disparity, (height, width))
        residual = self.last(self.body(torch.cat([coarse / UNIT, colours], dim=1)))
        return F.relu(coarse + UNIT * residual)


class StereoNet(nn.Module):
    """A rectified pair → disparities at every level of the hierarchy, coarse first."""

    def __init__(self, structure: Structure) -> None:
        super().__init__()
        self.structure = structure
        self.tower = Tower(structure)
        self.filter = CostFilter(structure)
        self.refiners = nn.ModuleList(Refiner(structure) for _ in range(structure.refiners))

    def forward(self, left: Tensor, right: Tensor, side: Side = "left") -> list[Tensor]:
        """Return the disparities of the left picture, or of the right one with `side="right"`.

        Returns:
            float32 [N, 1, h, w], one more than there are refiners: from 1/2ᴷ of each side to all.

        Raises:
            DataError: The sides are no multiples of 2ᴷ, or those of the pictures differ.
        """
        check_sides(left, right, self.structure.scale)
        features = self.tower(torch.cat([left, right]))
        of_left, of_right = features.chunk(2)
        return self.refine(self.coarse(of_left, of_right, side), left if side == "left" else right)

    def with_disparities(self, disparities: int) -> StereoNet:
        """Return this network, weights shared, for another D: no weight depends on it."""
        other = StereoNet(replace(self.structure, disparities=disparities))
        for name in ("tower", "filter", "refiners"):
            setattr(other, name, getattr(self, name))
        return other.train(self.training)

    def coarse(self, of_left: Tensor, of_right: Tensor, side: Side = "left") -> Tensor:
        """Return the disparity before refinement, from the features of both pictures.

        Returns:
            float32 [N, 1, H / 2ᴷ, W / 2ᴷ]: planes times 2ᴷ, which is pixels of the full picture.
        """
        volume = cost_volume(of_left, of_right, self.structure.planes, side)
        return soft_argmin(self.filter(volume)) * self.structure.scale

    def refine(self, disparity: Tensor, picture: Tensor) -> list[Tensor]:
        """Return a coarse disparity and what each refiner makes of the one before it."""
        found = [disparity]
        height, width = picture.shape[2:]
        for remaining, refiner in zip(
            reversed(range(len(self.refiners))), self.refiners, strict=True
        ):
            size = height >> remaining, width >> remaining
            found.append(refiner(found[-1], upsample(picture, size)))
        return found


def check_sides(left: Tensor, right: Tensor, multiple: int) -> None:
    """Make sure that a pair can go through a network.

    Raises:
        DataError: It cannot.
    """
    if left.shape != right.shape or left.ndim != 4 or left.shape[1] != COLOURS:
        raise DataError(
            f"the left pictures are {list(left.shape)}, the right ones {list(right.shape)}",
            "give both as [N, 3, H, W], of one size",
        )
    if any(side % multiple for side in left.shape[2:]):
        raise DataError(
            f"pictures of {left.shape[3]} x {left.shape[2]} pixels cannot be halved down to "
            f"1/{multiple}",
            f"pad both sides to multiples of {multiple}",
        )


def _normed(channels: int, dilation: int) -> list[nn.Module]:
    conv = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
    return [conv, nn.BatchNorm2d(channels)]
