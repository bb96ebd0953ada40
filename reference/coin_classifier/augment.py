"""Augmentation of whole batches: turned, shifted, lit and blurred anew each time.

Coins lie at any angle, so rotation is full. They are never mirrored, which would mirror digits,
and hardly scaled: of two coins with the same motif, size is what tells them apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


@dataclass(frozen=True)
class Augmentation:
    """How far each change may go, up and down.

    Attributes:
        rotation: Angle in radians.
        shift: Share of the picture's side.
        scale: Share of the size.
        gamma: Natural logarithm of the exponent.
        contrast: Share of the deviation from the picture's mean.
        brightness: Share of all values.
        tint: Share of each colour channel.
        saturation: Share of the deviation from gray.
        light: Slope of the light across the picture, as a share at its edge.
        sharpness: Share of the difference to the 3x3 blurred picture.
    """

    rotation: float = math.pi
    shift: float = 0.05
    scale: float = 0.05
    gamma: float = 0.25
    contrast: float = 0.2
    brightness: float = 0.17
    tint: float = 0.08
    saturation: float = 0.28
    light: float = 0.14
    sharpness: float = 0.6

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Return changed pictures: uint8 [N, 3, S, S] → float32 [N, 3, S, S] on the byte grid.

        Args:
            images: Bytes, on any device.
            generator: Stream on the CPU that decides everything.
        """
        draw = _Draw(len(images), images.device, generator)
        changed = self._moved(images.float() / 255, draw)
        changed = self._coloured(changed, draw)
        changed = self._lit(changed, draw)
        changed = self._sharpened(changed, draw)
        return (changed.clamp(0, 1) * 255).round() / 255

    def _moved(self, images: Tensor, draw: _Draw) -> Tensor:
        angle = draw.around(self.rotation)
        scale = 1 + draw.around(self.scale)
        cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
        shift_x, shift_y = 2 * draw.around(self.shift), 2 * draw.around(self.shift)
        matrix = torch.stack([cosine, -sine, shift_x, sine, cosine, shift_y], dim=1)
        size = list(images.shape)
        grid = F.affine_grid(matrix.view(-1, 2, 3), size, align_corners=False)
        return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)

    def _coloured(self, images: Tensor, draw: _Draw) -> Tensor:
        """Apply gamma, then contrast, brightness, tint and saturation as one affine map."""
        images = images.clamp(0, 1) ** _each(torch.exp(draw.around(self.gamma)))
        contrast = (1 + draw.around(self.contrast))[:, None]
        gains = (1 + draw.around(self.brightness))[:, None] * (1 + draw.around(self.tint, 3))
        saturation = (1 + draw.around(self.saturation))[:, None, None]
        colours = torch.eye(3, device=images.device)
        mixing = saturation * colours + (1 - saturation) / 3
        matrix = mixing * gains[:, None, :]
        mean = images.mean(dim=(2, 3))
        offset = matrix @ ((1 - contrast) * mean)[:, :, None]
        flat = torch.baddbmm(offset, matrix * contrast[:, :, None], images.flatten(2))
        return flat.view_as(images)

    def _lit(self, images: Tensor, draw: _Draw) -> Tensor:
        ramp = torch.linspace(-1, 1, images.shape[-1], device=images.device)
        across = _each(draw.around(self.light)) * ramp.view(1, 1, 1, -1)
        down = _each(draw.around(self.light)) * ramp.view(1, 1, -1, 1)
        return images * (1 + across + down)

    def _sharpened(self, images: Tensor, draw: _Draw) -> Tensor:
        padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
        blurred = F.avg_pool2d(padded, kernel_size=3, stride=1)
        return images + (blurred - images) * _each(draw.around(self.sharpness))


@dataclass(frozen=True)
class _Draw:
    """Uniform numbers for one batch, drawn on the CPU so that every device sees the same."""

    count: int
    device: torch.device
    generator: Generator

    def around(self, reach: float, channels: int = 1) -> Tensor:
        """Return numbers from -reach to reach, [N] or [N, channels]."""
        shape = (self.count,) if channels == 1 else (self.count, channels)
        uniform = torch.rand(shape, generator=self.generator)
        return ((2 * uniform - 1) * reach).to(self.device)


def _each(values: Tensor) -> Tensor:
    """Shape [N] or [N, C] for use on [N, C, H, W]."""
    return values.view(len(values), -1, 1, 1)
