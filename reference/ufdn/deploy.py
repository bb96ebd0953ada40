"""What runs on the K210: encoder, digit head, and the decoder of one domain, as nncase takes them.

Norms are folded in, the codes are means, and the domain vector, which stays the same, goes into a
bias. Around a 1x1 map nothing of a kernel but its inner 2x2 ever meets a pixel: those convolutions
are linear layers. Transposed convolutions are left to the compiler's legaliser.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from reference.blocks.folding import fold_module
from reference.blocks.upscaling import (
    SplitLinear,
    covering_as_linear,
    fold_transposed,
    spreading_as_linear,
)
from reference.ufdn.checkpoint import Checkpoint
from reference.ufdn.networks import LEAK, Disentangler
from reference.ufdn.structure import CORE

LOGITS, CODE, PICTURE = "logits", "code", "picture"
INNER = slice(1, 1 + CORE)


class Deployed(nn.Module):
    """Pictures of any domain → logits of digits, codes, and the pictures as one domain shows them.

    Args:
        vae: The trained networks.
        head: The digit head; without it there are no logits.
        look: Place of the domain that pictures are shown as.
    """

    def __init__(self, vae: Disentangler, head: nn.Linear | None, look: int) -> None:
        super().__init__()
        self.trunk = fold_module(vae.encoder.trunk)
        self.mean = covering_as_linear(_inner_convolution(vae.encoder.mean))
        self.head = head
        first, *doubling = _folded(vae.decoder.body)
        self.channels = first.out_channels
        self.spread = SplitLinear(_for_domain(first, look, vae.encoder.mean.out_channels))
        layers = [layer for conv in doubling for layer in (nn.LeakyReLU(LEAK), conv)]
        self.body = nn.Sequential(*layers, nn.Tanh())
        self.eval().requires_grad_(False)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Return float32 [N, classes], where there is a head, [N, code] and [N, 3, S, S]."""
        code = self.mean(self.trunk(pictures).flatten(1))
        core = self.spread(code).view(-1, self.channels, CORE, CORE)
        made = self.body(core)
        return (code, made) if self.head is None else (self.head(code), code, made)


def deployed(checkpoint: Checkpoint) -> Deployed:
    """Return what runs on the K210 of a checkpoint."""
    return Deployed(checkpoint.vae(), checkpoint.head(), checkpoint.settings.look)


def outputs(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Return the names of what it gives."""
    return (LOGITS, CODE, PICTURE) if checkpoint.classes else (CODE, PICTURE)


def _inner_convolution(conv: nn.Conv2d) -> nn.Conv2d:
    """Return what a convolution of stride 2 and border 1 does to a 2x2 map."""
    inner = nn.Conv2d(conv.in_channels, conv.out_channels, CORE)
    assert conv.bias is not None
    weight = conv.weight.detach()[..., INNER, INNER]
    inner.load_state_dict({"weight": weight, "bias": conv.bias.detach()})
    return inner


def _for_domain(conv: nn.ConvTranspose2d, look: int, code: int) -> nn.Linear:
    """Return the layer behind the code, for a domain vector that stays the same."""
    inner = nn.ConvTranspose2d(conv.in_channels, conv.out_channels, CORE)
    assert conv.bias is not None
    weight = conv.weight.detach()[..., INNER, INNER]
    inner.load_state_dict({"weight": weight, "bias": conv.bias.detach()})
    whole = spreading_as_linear(inner)
    linear = nn.Linear(code, whole.out_features)
    bias = whole.bias + whole.weight[:, code + look]
    linear.load_state_dict({"weight": whole.weight.detach()[:, :code], "bias": bias.detach()})
    return linear


@torch.no_grad()
def _folded(body: nn.Sequential) -> list[nn.ConvTranspose2d]:
    """Return the decoder's transposed convolutions, each with the norm behind it folded in."""
    found: list[nn.ConvTranspose2d] = []
    for layer, follower in pairwise(body.eval()):
        if isinstance(layer, nn.ConvTranspose2d):
            normed = follower if isinstance(follower, nn.BatchNorm2d) else None
            found.append(fold_transposed(layer, normed) if normed else layer)
    return found
