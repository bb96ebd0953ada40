"""The whole transfer as the K210 runs it: a target above a guide in, one picture out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reference.blocks.folding import fold_module
from reference.content_transfer.networks import ContentTransfer

OUTPUTS = ("picture", "common", "specific")


class DeployedTransfer(nn.Module):
    """Dec(E1(target), E2(guide)) with batch norms folded in.

    Two pictures come as one, so that a model with a single input is enough; a guide's code
    needs no second model, and no guide is built in.

    Args:
        networks: The trained ones.
    """

    def __init__(self, networks: ContentTransfer) -> None:
        super().__init__()
        self.e1, self.e2 = fold_module(networks.e1), fold_module(networks.e2)
        self.decoder = fold_module(networks.decoder)
        self.eval().requires_grad_(False)

    def forward(self, pairs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the picture, E1's code and E2's code.

        Args:
            pairs: float32 [N, 3, 2 side, side], the target above the guide.
        """
        side = pairs.shape[3]
        common, specific = self.e1(pairs[:, :, :side]), self.e2(pairs[:, :, side:])
        return self.decoder(torch.cat([common, specific], dim=1)), common, specific
