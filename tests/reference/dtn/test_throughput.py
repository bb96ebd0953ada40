"""What the machinery around a step costs, against the same networks in a bare PyTorch loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from reference.dtn.data import Domains, Side
from reference.dtn.networks import Discriminator, Encoder, Generator
from reference.dtn.settings import Settings
from reference.dtn.trainer import Trainer
from tests.reference.battery.speed import check_hardly_slower

SETTINGS = Settings()


def noise(channels: int) -> Side:
    shape = (SETTINGS.batch, channels, 32, 32)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return Side(tuple(map(str, range(len(images)))), images, None)


class Bare:
    """A step of D and one of g with nothing around them."""

    def __init__(self) -> None:
        structure = SETTINGS.structure
        self.f = Encoder(structure).eval().requires_grad_(False)
        self.g, self.d = Generator(structure), Discriminator(structure)
        self.g_adam = torch.optim.Adam(self.g.parameters(), 1e-3, (0.5, 0.999))
        self.d_adam = torch.optim.Adam(self.d.parameters(), 2e-4, (0.5, 0.999))
        self.s = torch.rand(SETTINGS.batch, 3, 32, 32)
        self.t = torch.rand(SETTINGS.batch, 1, 32, 32)
        self.labels = torch.arange(3).repeat_interleave(SETTINGS.batch)

    def step(self) -> None:
        codes = self.f(self.s)
        made = self.g(torch.cat([codes, self.f(self.t)]))
        of_s, of_t = made[: SETTINGS.batch], made[SETTINGS.batch :]
        logits = [self.d(of_s.detach()), self.d(of_t.detach()), self.d(self.t)]
        self._update(self.d_adam, 3 * F.cross_entropy(torch.cat(logits), self.labels))
        self.d.requires_grad_(False)
        real = torch.full((SETTINGS.batch,), 2)
        loss = F.cross_entropy(self.d(of_s), real) + F.cross_entropy(self.d(of_t), real)
        loss = loss + 15 * F.mse_loss(self.f(of_s), codes) + 15 * F.mse_loss(of_t, self.t)
        self._update(self.g_adam, loss)
        self.d.requires_grad_(True)

    def _update(self, adam: torch.optim.Optimizer, loss: torch.Tensor) -> None:
        adam.zero_grad()
        loss.backward()
        adam.step()


@pytest.mark.slow
def test_a_step_is_hardly_slower_than_a_bare_one():
    s, t = noise(3), noise(1)
    domains = Domains(s, s, t, t, t, (), "")
    trainer = Trainer(Encoder(SETTINGS.structure), domains, SETTINGS, 0, "cpu")
    bare, images = Bare(), (torch.from_numpy(s.images), torch.from_numpy(t.images))
    check_hardly_slower(lambda: trainer.step(*images), bare.step)
