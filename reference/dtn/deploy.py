"""G with f's head as the K210 runs it: the trained layers, each in a form that nncase takes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reference.blocks.folding import fold_module
from reference.blocks.upscaling import (
    SplitLinear,
    covering_as_linear,
    fold_transposed,
    spreading_as_linear,
)
from reference.dtn.checkpoint import Checkpoint
from reference.dtn.networks import Classifier, Encoder, Generator, PlainTransfer
from reference.dtn.structure import CORE

OUTPUTS = ("logits", "code", "picture")


class DeployedEncoder(nn.Module):
    """f without norms; the convolution that covers its last map is a linear layer."""

    def __init__(self, f: Encoder) -> None:
        super().__init__()
        self.body = fold_module(f.body)
        covering = next(fold_module(f.code).children())
        assert isinstance(covering, nn.Conv2d)
        self.code = nn.Sequential(covering_as_linear(covering), nn.Tanh())

    def forward(self, pictures: Tensor) -> Tensor:
        """Return codes, float32 [N, code]."""
        return self.code(self.body(pictures).flatten(1))  # type: ignore[no-any-return]


class DeployedGenerator(nn.Module):
    """g without norms; its first layer, on a 1x1 map, is a linear one."""

    def __init__(self, g: Generator) -> None:
        super().__init__()
        first, *doubling = _folded(g)
        self.channels = first.out_channels
        self.spread = SplitLinear(spreading_as_linear(first))
        layers = [layer for conv in doubling for layer in (nn.ReLU(), conv)]
        self.body = nn.Sequential(*layers, nn.Tanh())

    def forward(self, codes: Tensor) -> Tensor:
        """Return pictures of T, float32 [N, target, side, side]."""
        core = self.spread(codes).view(-1, self.channels, CORE, CORE)
        return self.body(core)  # type: ignore[no-any-return]


class DeployedTransfer(nn.Module):
    """Pictures of S → f's logits, f's code, and the picture of T.

    Args:
        classifier: f and its head.
        g: The generator.
        own: The encoder that g follows where it is not f: the baseline's.
    """

    def __init__(self, classifier: Classifier, g: Generator, own: Encoder | None = None) -> None:
        super().__init__()
        self.f = DeployedEncoder(classifier.encoder)
        self.head = classifier.head
        self.own = DeployedEncoder(own) if own else None
        self.g = DeployedGenerator(g)
        self.eval().requires_grad_(False)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return float32 [N, classes], [N, code] and [N, target, side, side]."""
        code = self.f(pictures)
        content = self.own(pictures) if self.own else code
        return self.head(code), code, self.g(content)


def deployed(checkpoint: Checkpoint) -> DeployedTransfer:
    """Return what runs on the K210 of a checkpoint; of the baseline too, to compare with."""
    transfer = checkpoint.transfer()
    own = transfer.encoder if isinstance(transfer, PlainTransfer) else None
    return DeployedTransfer(checkpoint.classifier(), transfer.g, own)


@torch.no_grad()
def _folded(g: Generator) -> list[nn.ConvTranspose2d]:
    """Return g's transposed convolutions, each with the norm behind it folded in."""
    found: list[nn.ConvTranspose2d] = []
    for layer in g.body.eval():
        if isinstance(layer, nn.ConvTranspose2d):
            found.append(layer)
        elif isinstance(layer, nn.BatchNorm2d):
            found[-1] = fold_transposed(found[-1], layer)
    return found
