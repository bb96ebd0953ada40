"""The encoder and decoder of UFDN, and its discriminators.

Source: A. H. Liu et al., A Unified Feature Disentangler for Multi-Domain Image Translation and
Manipulation, NeurIPS 2018, https://arxiv.org/abs/1809.01361, by the authors' code;
`reference.ufdn.structure` says what is whose. Pictures are float32 [N, C, S, S] in −1 to 1, domain
vectors float32 [N, domains], codes float32 [N, code].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reference.ufdn.structure import Structure

LEAK = 0.2
# Standard deviation of weights at the start.
SPREAD = 0.02


class Encoder(nn.Module):
    """Pictures → mean and log-variance of their codes."""

    def __init__(self, structure: Structure) -> None:
        super().__init__()
        inputs, kernel = structure.channels, structure.kernel
        layers: list[nn.Module] = []
        for outputs in structure.encoder:
            layers += _normed(nn.Conv2d(inputs, outputs, kernel, 2, 1), outputs)
            inputs = outputs
        self.trunk = nn.Sequential(*layers)
        self.mean = nn.Conv2d(inputs, structure.code, kernel, 2, 1)
        self.log_variance = nn.Conv2d(inputs, structure.code, kernel, 2, 1)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance, both [N, code]."""
        features = self.trunk(pictures)
        return self.mean(features).flatten(1), self.log_variance(features).flatten(1)


class Decoder(nn.Module):
    """Codes and domain vectors, joined in front of the first layer, → pictures."""

    def __init__(self, structure: Structure) -> None:
        super().__init__()
        inputs = structure.code + structure.domains
        layers: list[nn.Module] = []
        for outputs in structure.decoder:
            layers += _normed(_upscaling(inputs, outputs, structure.kernel), outputs)
            inputs = outputs
        last = _upscaling(inputs, structure.channels, structure.kernel)
        self.body = nn.Sequential(*layers, last, nn.Tanh())

    def forward(self, codes: Tensor, domains: Tensor) -> Tensor:
        """Return pictures, [N, C, S, S]."""
        joined = torch.cat([codes, domains], dim=1)
        return self.body(joined[..., None, None])  # type: ignore[no-any-return]


class Disentangler(nn.Module):
    """Encoder and decoder: a variational autoencoder that is told the domain.

    Args:
        structure: Channels.
        norm_scale: Mean of the norms' scales at the start: 0 in the authors' code, 1 in DCGAN.
    """

    def __init__(self, structure: Structure, norm_scale: float = 0.0) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(structure), Decoder(structure)
        initialise(self, norm_scale)

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """Return codes: drawn around the mean in training, else the mean itself."""
        if not self.training:
            return mean
        return mean + torch.exp(log_variance / 2) * torch.randn_like(mean)

    def code(self, pictures: Tensor) -> Tensor:
        """Return the codes of pictures."""
        return self.sample(*self.encoder(pictures))

    def forward(self, pictures: Tensor, domains: Tensor) -> Tensor:
        """Return the pictures as they look in other domains, or in their own."""
        return self.decoder(self.code(pictures), domains)  # type: ignore[no-any-return]


class FeatureDiscriminator(nn.Module):
    """D_feat, the paper's D_v: codes → a logit a domain."""

    def __init__(self, structure: Structure) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = structure.code
        for outputs in structure.feature:
            layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(LEAK)]
            inputs = outputs
        self.body = nn.Sequential(*layers, nn.Linear(inputs, structure.domains))

    def forward(self, codes: Tensor) -> Tensor:
        """Return logits, [N, domains]."""
        return self.body(codes)  # type: ignore[no-any-return]


class PixelDiscriminator(nn.Module):
    """D_pix, the paper's D_x: pictures → how real they are, and a logit a domain."""

    def __init__(self, structure: Structure) -> None:
        super().__init__()
        inputs, side = structure.channels, structure.side
        layers: list[nn.Module] = []
        for outputs in structure.pixel:
            layers += [nn.Conv2d(inputs, outputs, 4, 2, 1), nn.LeakyReLU(LEAK)]
            inputs, side = outputs, side // 2
        hidden = nn.Linear(inputs * side**2, structure.pixel_hidden)
        self.body = nn.Sequential(*layers, nn.Flatten(), hidden, nn.LeakyReLU(LEAK))
        self.score = nn.Linear(structure.pixel_hidden, 1)
        self.domain = nn.Linear(structure.pixel_hidden, structure.domains)
        initialise(self)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores [N], unbounded, and logits [N, domains]."""
        features = self.body(pictures)
        return self.score(features).flatten(), self.domain(features)


def initialise(network: nn.Module, norm_scale: float = 0.0) -> None:
    """Draw weights as the authors' code does; linear layers stay as PyTorch makes them."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, SPREAD)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, norm_scale, SPREAD)


def _normed(layer: nn.Module, channels: int) -> list[nn.Module]:
    return [layer, nn.BatchNorm2d(channels), nn.LeakyReLU(LEAK)]


def _upscaling(inputs: int, outputs: int, kernel: int) -> nn.ConvTranspose2d:
    # What is left over at the right and bottom edge of a 3x3 kernel.
    return nn.ConvTranspose2d(inputs, outputs, kernel, 2, 1, output_padding=4 - kernel)
