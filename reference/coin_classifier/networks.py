"""MobileNet V1 as the K210 runs it.

Source: A. Howard et al., MobileNets, https://arxiv.org/abs/1704.04861. Differences: padding is
symmetric at stride 2, and the softmax is left to the processor beside the KPU.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reference.blocks.mobilenet import conv_bn, separable_conv
from reference.coin_classifier.structure import BLOCKS, STEM_CHANNELS, scaled


class MobileNetV1(nn.Module):
    """Pictures to class logits.

    Args:
        classes: Number of classes.
        width: Width multiplier; 0.25, 0.5, 0.75 and 1.0 are published.
        dropout: Share of the pooled features that training drops.
    """

    def __init__(self, classes: int, width: float = 0.25, dropout: float = 0.0) -> None:
        super().__init__()
        channels = scaled(STEM_CHANNELS, width)
        layers = [conv_bn(3, channels, kernel=3, stride=2)]
        for block_channels, stride in BLOCKS:
            outputs = scaled(block_channels, width)
            layers.append(separable_conv(channels, outputs, stride))
            channels = outputs
        self.backbone = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, classes)
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        """Turn float32 [N, 3, H, W] in 0 to 1 into logits, float32 [N, classes]."""
        return self.head(self.dropout(self.features(images)))  # type: ignore[no-any-return]

    def features(self, images: Tensor) -> Tensor:
        """Return the pooled features before the head, float32 [N, 1024 * width]."""
        return torch.mean(self.backbone(images), dim=(2, 3))


def benchmark_network() -> MobileNetV1:
    """Return MobileNet V1 1.0 with random weights, whose values speed does not depend on."""
    torch.manual_seed(0)
    return MobileNetV1(classes=1000, width=1.0).eval()


def quarter_benchmark_network() -> MobileNetV1:
    """Return MobileNet V1 0.25 with random weights."""
    torch.manual_seed(0)
    return MobileNetV1(classes=1000, width=0.25).eval()


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)
