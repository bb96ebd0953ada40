"""What the machinery around a step costs, against the same networks in a bare PyTorch loop."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Generator

from reference.simgan.data import rendered_pictures
from reference.simgan.settings import Settings
from reference.simgan.train import new_networks
from reference.simgan.trainer import Trainer
from tests.reference.battery.speed import check_hardly_slower

SETTINGS = Settings(width=0.25, batch=16, history=64)


class Bare:
    """Both updates of Algorithm 1 with nothing around them: one batch, no checks, no history."""

    def __init__(self) -> None:
        networks = new_networks(SETTINGS, 0)
        self.refiner, self.discriminator = networks.refiner, networks.discriminator
        self.optimizers = [
            torch.optim.Adam(network.parameters(), lr=5e-4, betas=(0.5, 0.999))
            for network in (self.refiner, self.discriminator)
        ]
        self.synthetic, self.real = torch.rand(2, SETTINGS.batch, 1, 35, 55)

    def refiner_step(self) -> None:
        refined = self.refiner(self.synthetic)
        self.discriminator.requires_grad_(False)
        logits = self.discriminator(refined)
        self.discriminator.requires_grad_(True)
        realism = F.softplus(logits[:, 0] - logits[:, 1]).sum() / SETTINGS.batch
        loss = realism + 0.05 * (refined - self.synthetic).abs().sum() / SETTINGS.batch
        self._update(0, loss)

    def discriminator_step(self) -> None:
        with torch.no_grad():
            refined = self.refiner(self.synthetic)
        fake, real = self.discriminator(refined), self.discriminator(self.real)
        loss = F.softplus(fake[:, 1] - fake[:, 0]).sum() + F.softplus(real[:, 0] - real[:, 1]).sum()
        self._update(1, loss / SETTINGS.batch)

    def _update(self, number: int, loss: torch.Tensor) -> None:
        self.optimizers[number].zero_grad()
        loss.backward()
        self.optimizers[number].step()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["refiner_step", "discriminator_step"])
def test_a_step_is_hardly_slower_than_a_bare_one(name):
    trainer = Trainer(new_networks(SETTINGS, 0), rendered_pictures(64, 64, 1), SETTINGS, 0)
    bare, stream = Bare(), Generator().manual_seed(0)
    check_hardly_slower(lambda: getattr(trainer, name)(stream), getattr(bare, name))
