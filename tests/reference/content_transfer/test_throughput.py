"""What the machinery around a step costs, against the same networks in a bare PyTorch loop."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F

from reference.content_transfer.data import as_floats, rendered_pictures
from reference.content_transfer.networks import ContentTransfer, Discriminator
from reference.content_transfer.settings import Settings
from reference.content_transfer.trainer import Trainer
from tests.reference.battery.speed import check_hardly_slower

SETTINGS = Settings()


class Bare:
    """A step of the auto-encoder and one of D with nothing around them."""

    def __init__(self, a: torch.Tensor, b: torch.Tensor) -> None:
        self.networks = ContentTransfer(SETTINGS.structure).train()
        self.d = Discriminator(SETTINGS.structure)
        self.adams = [
            torch.optim.Adam(network.parameters(), 2e-3, (0.5, 0.999))
            for network in (self.networks, self.d)
        ]
        self.a, self.b, self.both = a, b, torch.cat([a, b])
        self.domains = torch.arange(2.0).repeat_interleave(len(a))

    def step(self) -> None:
        common = self.networks.e1(self.both)
        of_a, of_b = common.chunk(2)
        specific = self.networks.e2(self.b)
        codes = torch.cat(
            [torch.cat([of_a, torch.zeros_like(specific)], 1), torch.cat([of_b, specific], 1)]
        )
        loss = 2 * F.mse_loss(self.networks.decoder(codes), self.both)
        self.d.requires_grad_(False)
        entropy = F.binary_cross_entropy_with_logits
        loss = loss + 0.002 * entropy(self.d(common), torch.zeros(len(common)))
        self.d.requires_grad_(True)
        self._update(self.networks, self.adams[0], loss)
        with torch.no_grad():
            common = self.networks.e1(self.both)
        self._update(self.d, self.adams[1], 2 * entropy(self.d(common), self.domains))

    def _update(self, network, adam, loss) -> None:
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5)
        adam.step()


@pytest.mark.slow
def test_a_step_is_hardly_slower_than_a_bare_one():
    pictures = rendered_pictures(SETTINGS.batch, 32, 1)
    trainer = Trainer(pictures, SETTINGS, seed=0)
    sides = pictures.plain, pictures.content
    bare = Bare(*(as_floats(torch.from_numpy(side.images)) for side in sides))
    numbers = itertools.count()
    check_hardly_slower(lambda: trainer.run(number := next(numbers), number + 1), bare.step)
