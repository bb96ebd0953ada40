"""Residual blocks of 3x3 convolutions, the body of most image-to-image generators.

Source: K. He et al., Deep Residual Learning for Image Recognition,
https://arxiv.org/abs/1512.03385.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn

Norm = Callable[[int], nn.Module]
PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]


class ResidualBlock(nn.Module):
    """`x + conv(relu(conv(x)))`: float32 [N, channels, H, W] → the same shape.

    Args:
        channels: Channels in, between and out.
        norm: What stands behind each convolution, such as `nn.BatchNorm2d`; None for nothing, and
            then the convolutions have biases.
        final_relu: Whether a ReLU follows the addition, as in the paper and in SimGAN; MUNIT's
            blocks and most after CycleGAN have none.
        padding_mode: As in `nn.Conv2d`; the K210 pads with zeros only.
    """

    def __init__(
        self,
        channels: int,
        norm: Norm | None = None,
        *,
        final_relu: bool = True,
        padding_mode: PaddingMode = "zeros",
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_conv(channels, norm, padding_mode), nn.ReLU(), *_conv(channels, norm, padding_mode)
        )
        self.final = nn.ReLU() if final_relu else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        """Return the features with what the block adds to them."""
        return self.final(features + self.body(features))  # type: ignore[no-any-return]


def _conv(channels: int, norm: Norm | None, padding_mode: PaddingMode) -> list[nn.Module]:
    conv = nn.Conv2d(channels, channels, 3, padding=1, bias=norm is None, padding_mode=padding_mode)
    return [conv] if norm is None else [conv, norm(channels)]
