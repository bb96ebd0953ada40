"""E1, E2, the decoder and the discriminator of content transfer, at any width.

Source: O. Press et al., Emerging Disentanglement in Auto-Encoder Based Unsupervised Image Content
Transfer, ICLR 2019, https://openreview.net/forum?id=BylE1205Fm, in the sizes of the authors' code;
`reference.content_transfer.structure` says what is whose. Pictures are float32 [N, 3, side, side]
in -1 to 1; A is the plain domain, B the one with content, as in the paper (the code has them the
other way round).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from reference.content_transfer.structure import COLOURS, UP_KERNEL, Norm, Structure

LEAK = 0.2
_NORMS: dict[Norm, type[nn.Module]] = {
    "instance": nn.InstanceNorm2d,
    "batch": nn.BatchNorm2d,
    "none": nn.Identity,
}


class Encoder(nn.Sequential):
    """Pictures → a code, float32 [N, channels[-1], core, core], by stride-2 convolutions."""

    def __init__(self, channels: tuple[int, ...], kernel: int, norm: Norm) -> None:
        inputs = COLOURS
        layers: list[nn.Module] = []
        for outputs in channels:
            layers.append(nn.Conv2d(inputs, outputs, kernel, stride=2, padding=1))
            layers += [_NORMS[norm](outputs), nn.LeakyReLU(LEAK)]
            inputs = outputs
        super().__init__(*layers)


class Decoder(nn.Sequential):
    """Both codes together, float32 [N, code, core, core] → pictures."""

    def __init__(self, structure: Structure) -> None:
        inputs = structure.code
        layers: list[nn.Module] = []
        for outputs in structure.decoder:
            layers.append(nn.ConvTranspose2d(inputs, outputs, UP_KERNEL, stride=2, padding=1))
            layers += [_NORMS[structure.decoder_norm](outputs), nn.ReLU()]
            inputs = outputs
        last = nn.ConvTranspose2d(inputs, COLOURS, UP_KERNEL, stride=2, padding=1)
        super().__init__(*layers, last, nn.Tanh())


class Discriminator(nn.Sequential):
    """E1's code → a logit, float32 [N]; positive says that the picture is of B."""

    def __init__(self, structure: Structure) -> None:
        inputs = structure.shared * structure.core**2
        super().__init__(
            nn.Flatten(),
            nn.Linear(inputs, structure.hidden),
            nn.LeakyReLU(LEAK),
            nn.Linear(structure.hidden, 1),
            nn.Flatten(0),
        )


class Pass(NamedTuple):
    """What one pass over a batch of both domains gives.

    Attributes:
        plain: Dec(E1(a), 0).
        content: Dec(E1(b), E2(b)).
        plain_code: E1(a).
        content_code: E1(b).
    """

    plain: Tensor
    content: Tensor
    plain_code: Tensor
    content_code: Tensor


class ContentTransfer(nn.Module):
    """E1, what both domains share; E2, what only B has; and the decoder of both."""

    def __init__(self, structure: Structure) -> None:
        super().__init__()
        kernel, norm = structure.kernel, structure.norm
        self.sep = structure.sep
        self.e1 = Encoder(structure.common_channels, kernel, norm)
        self.e2 = Encoder(structure.specific_channels, kernel, norm)
        self.decoder = Decoder(structure)

    def decode(self, common: Tensor, specific: Tensor) -> Tensor:
        """Return the pictures of two codes."""
        return self.decoder(torch.cat([common, specific], dim=1))  # type: ignore[no-any-return]

    def zero(self, common: Tensor) -> Tensor:
        """Return the code that stands for no content, for as many pictures as `common` is of."""
        return common.new_zeros(len(common), self.sep, *common.shape[2:])

    def both(self, a: Tensor, b: Tensor) -> Pass:
        """Return all that the losses look at; norms over a batch see both domains at once.

        Where a batch of one domain were normed by itself, its mean would tell the domain from
        the other's in training and not afterwards.
        """
        common = self.e1(torch.cat([a, b]))
        of_a, of_b = common[: len(a)], common[len(a) :]
        specific = torch.cat([self.zero(of_a), self.e2(b)])
        made = self.decode(common, specific)
        return Pass(made[: len(a)], made[len(a) :], of_a, of_b)

    def transfer(self, target: Tensor, guide: Tensor, share: float | None = None) -> Tensor:
        """Return Dec(E1(target), E2(guide)): the target with what only the guide has.

        Args:
            target: Pictures of A, or of B, whose own content is then replaced.
            guide: As many pictures of B.
            share: Factor of E2's code, from 0, which removes, to 1; None is 1.
        """
        specific = self.e2(guide)
        return self.decode(self.e1(target), specific if share is None else share * specific)

    def remove(self, pictures: Tensor) -> Tensor:
        """Return Dec(E1(x), 0): of A the reconstruction, of B the picture without its content."""
        common = self.e1(pictures)
        return self.decode(common, self.zero(common))

    def reconstruct(self, pictures: Tensor) -> Tensor:
        """Return Dec(E1(b), E2(b)) of pictures of B."""
        return self.transfer(pictures, pictures)
