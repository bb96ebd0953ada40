"""f, g and D of DTN, and G = g ∘ f.

Source: Y. Taigman, A. Polyak and L. Wolf, Unsupervised Cross-Domain Image Generation, ICLR 2017,
https://arxiv.org/abs/1611.02200; `reference.dtn.structure` says what is whose. Pictures are
float32 [N, C, H, W] in −1 to 1.
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from reference.dtn.structure import CORE, Structure

LEAK = 0.2
# Classes of the ternary discriminator, in the paper's order.
FROM_SOURCE, FROM_TARGET, REAL = range(3)


class Encoder(nn.Module):
    """f: pictures → codes in −1 to 1, float32 [N, structure.code].

    Args:
        structure: Channels.
        channels: Channels of the pictures; `structure.source` unless given.
    """

    def __init__(self, structure: Structure, channels: int | None = None) -> None:
        super().__init__()
        self.channels = inputs = channels or structure.source
        layers: list[nn.Module] = []
        for outputs in structure.encoder:
            layers += _normed(nn.Conv2d(inputs, outputs, 3, 2, 1), nn.ReLU())
            inputs = outputs
        self.body = nn.Sequential(*layers)
        self.code = nn.Sequential(*_normed(nn.Conv2d(inputs, structure.code, CORE), nn.Tanh()))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the codes; grey pictures stand for three equal channels."""
        if pictures.shape[1] == 1 < self.channels:
            pictures = pictures.expand(-1, self.channels, -1, -1)
        return self.code(self.body(pictures)).flatten(1)  # type: ignore[no-any-return]


class Classifier(nn.Module):
    """An encoder with a linear head: what f is pretrained as, and what judges pictures of T."""

    def __init__(self, encoder: Encoder, code: int, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(code, classes)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return logits, float32 [N, classes]."""
        return self.head(self.encoder(pictures))  # type: ignore[no-any-return]


class Generator(nn.Module):
    """g: codes → pictures of T, by up-scaling blocks of transposed convolutions."""

    def __init__(self, structure: Structure) -> None:
        super().__init__()
        inputs = structure.code
        layers: list[nn.Module] = []
        for place, outputs in enumerate(structure.generator):
            layers += _normed(_upscaling(inputs, outputs, first=place == 0), nn.ReLU())
            if structure.pointwise:
                layers += _normed(nn.Conv2d(outputs, outputs, 1), nn.ReLU())
            inputs = outputs
        self.body = nn.Sequential(
            *layers, _upscaling(inputs, structure.target, first=False), nn.Tanh()
        )

    def forward(self, codes: Tensor) -> Tensor:
        """Return pictures, float32 [N, target, side, side]."""
        return self.body(codes[..., None, None])  # type: ignore[no-any-return]


class Discriminator(nn.Module):
    """D: pictures of T → logits, of the classes G(S), G(T) and T, or one logit for T.

    Args:
        structure: Channels.
        logits: 3 for the ternary D of the paper; 1 for the baseline's binary one.
        side: Side of the pictures; `structure.side` unless given.
    """

    def __init__(self, structure: Structure, logits: int = 3, side: int | None = None) -> None:
        super().__init__()
        inputs, side = structure.target, side or structure.side
        layers: list[nn.Module] = []
        for outputs in structure.discriminator:
            layers += _normed(nn.Conv2d(inputs, outputs, 3, 2, 1), nn.LeakyReLU(LEAK))
            inputs, side = outputs, (side + 1) // 2
        self.body = nn.Sequential(*layers, nn.Conv2d(inputs, logits, side))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return float32 [N, logits]."""
        return self.body(pictures).flatten(1)  # type: ignore[no-any-return]


class DomainTransfer(nn.Module):
    """G = g ∘ f, in which f is frozen: no gradient reaches its weights, nor batches its norms."""

    def __init__(self, f: Encoder, g: Generator) -> None:
        super().__init__()
        self.f, self.g = f.requires_grad_(False), g
        self.train(g.training)

    def train(self, mode: bool = True) -> Self:
        """Switch g; f stays in evaluation mode."""
        super().train(mode)
        self.f.eval()
        return self

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the pictures as T would show them."""
        return self.g(self.f(pictures))  # type: ignore[no-any-return]

    def together(self, of_s: Tensor, of_t: Tensor) -> tuple[Tensor, Tensor]:
        """Return G(S) and G(T), made in one batch so that g's norms see both, as they will."""
        made = self.g(torch.cat([self.f(of_s), self.f(of_t)]))
        return made[: len(of_s)], made[len(of_s) :]


class PlainTransfer(nn.Module):
    """The baseline's G: the same layers, all trained, with no given f inside."""

    def __init__(self, structure: Structure) -> None:
        super().__init__()
        self.encoder, self.g = Encoder(structure), Generator(structure)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the pictures as T would show them."""
        return self.g(self.encoder(pictures))  # type: ignore[no-any-return]


def _normed(layer: nn.Module, activation: nn.Module) -> list[nn.Module]:
    channels = layer.out_channels
    assert isinstance(channels, int)
    return [layer, nn.BatchNorm2d(channels), activation]


def _upscaling(inputs: int, outputs: int, *, first: bool) -> nn.ConvTranspose2d:
    if first:
        return nn.ConvTranspose2d(inputs, outputs, CORE)
    return nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
