"""Refiner, discriminator and gaze estimator of SimGAN, at any width.

Source: A. Shrivastava et al., Learning from Simulated and Unsupervised Images through Adversarial
Training, https://arxiv.org/abs/1612.07828. The sizes for hands follow a public version of it.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from reference.blocks.residual import ResidualBlock
from reference.simgan.structure import (
    DISCRIMINATOR_CHANNELS,
    ESTIMATOR_CHANNELS,
    ESTIMATOR_HIDDEN,
    EYE,
    EYE_BLOCKS,
    EYE_STEM,
    REFINER_CHANNELS,
    scaled,
)

# Share of the features of the convolutions that a training step of the estimator does without.
DROPOUT = 0.5
# What the convolutions of the estimator, which do not pad, leave of a 35 x 55 picture.
_ESTIMATOR_MAP = (5, 10)


class Refiner(nn.Module):
    """Simulated pictures to refined ones of the same size; fully convolutional, no norm.

    Args:
        width: Width multiplier; 1.0 is the paper's 64 channels.
        blocks: Residual blocks; 4 for eyes, 10 for hands.
        channels: Of the picture: 1 grey, 3 colour.
        stem: Side of the first convolution's kernel; 3 for eyes, 7 for hands.
    """

    def __init__(
        self,
        width: float = 1.0,
        blocks: int = EYE_BLOCKS,
        channels: int = 1,
        stem: int = EYE_STEM,
    ) -> None:
        super().__init__()
        inner = scaled(REFINER_CHANNELS, width)
        self.stem = nn.Sequential(nn.Conv2d(channels, inner, stem, padding=stem // 2), nn.ReLU())
        self.blocks = nn.Sequential(*(ResidualBlock(inner) for _ in range(blocks)))
        self.head = nn.Sequential(nn.Conv2d(inner, channels, 1), nn.Tanh())

    def forward(self, images: Tensor) -> Tensor:
        """Refine float32 [N, C, H, W] in −1 to 1; the result has the same shape and range."""
        return self.head(self.blocks(self.stem(images)))  # type: ignore[no-any-return]


class Discriminator(nn.Module):
    """A picture to a map of two logits a place: refined (channel 0), real (channel 1).

    Args:
        width: Width multiplier of the inner layers.
        channels: Of the picture.
        hand: The variant for 224 x 224 depth pictures, whose first kernels are 7x7 and 5x5.
    """

    def __init__(self, width: float = 1.0, channels: int = 1, *, hand: bool = False) -> None:
        super().__init__()
        one, two, three, four = (scaled(inner, width) for inner in DISCRIMINATOR_CHANNELS)
        first, second, stride, pool, last = (7, 5, 4, 2, 2) if hand else (3, 3, 2, 1, 1)
        between = [nn.Conv2d(two, two, 3, 2, 1), nn.ReLU()] if hand else []
        self.layers = nn.Sequential(
            nn.Conv2d(channels, one, first, stride, first // 2),
            nn.ReLU(),
            nn.Conv2d(one, two, second, 2, second // 2),
            nn.ReLU(),
            nn.MaxPool2d(3, pool, 1),
            *between,
            nn.Conv2d(two, three, 3, last, 1),
            nn.ReLU(),
            nn.Conv2d(three, four, 1),
            nn.ReLU(),
            nn.Conv2d(four, 2, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Turn float32 [N, C, H, W] into logits float32 [N, 2, h, w]; 35 x 55 gives 9 x 14."""
        return self.layers(images)  # type: ignore[no-any-return]


class GazeEstimator(nn.Module):
    """A grey eye of 35 x 55 pixels to the direction of its gaze.

    Args:
        width: Width multiplier of the convolutions.
        hidden: Features of the fully connected layer; 1000 in the paper.
    """

    def __init__(self, width: float = 1.0, hidden: int = ESTIMATOR_HIDDEN) -> None:
        super().__init__()
        one, two, three, four, five = (scaled(inner, width) for inner in ESTIMATOR_CHANNELS)
        self.features = nn.Sequential(
            *(nn.Conv2d(1, one, 3), nn.ReLU(), nn.Conv2d(one, two, 3), nn.ReLU()),
            *(nn.Conv2d(two, three, 3), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(three, four, 3), nn.ReLU(), nn.Conv2d(four, five, 3), nn.ReLU()),
            *(nn.MaxPool2d(2, 2), nn.Flatten()),
        )
        places = _ESTIMATOR_MAP[0] * _ESTIMATOR_MAP[1]
        self.head = nn.Sequential(nn.Linear(five * places, hidden), nn.ReLU(), nn.Linear(hidden, 3))

    def forward(self, images: Tensor) -> Tensor:
        """Turn float32 [N, 1, 35, 55] in −1 to 1 into directions of length 1, float32 [N, 3]."""
        if images.shape[-2:] != EYE:
            raise ValueError(f"the estimator takes pictures of {EYE}, not {tuple(images.shape)}")
        features = F.dropout(self.features(images), DROPOUT, self.training)
        return F.normalize(self.head(features), dim=1)
