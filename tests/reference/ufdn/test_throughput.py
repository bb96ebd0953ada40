"""What the machinery around a step costs, against the same networks in a bare PyTorch loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from reference.dtn.data import Side
from reference.ufdn.data import Domains
from reference.ufdn.networks import Disentangler, FeatureDiscriminator, PixelDiscriminator
from reference.ufdn.settings import IMAGES, Settings
from reference.ufdn.trainer import Trainer
from tests.reference.battery.speed import check_hardly_slower

SETTINGS = replace(Settings(), ramp=1)
BCE = F.binary_cross_entropy_with_logits


def noise(seed: int) -> Side:
    shape = (SETTINGS.batch, 3, 32, 32)
    images = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return Side(tuple(map(str, range(len(images)))), images, np.arange(len(images)) % 10)


class Bare:
    """The steps of all networks with nothing around them."""

    def __init__(self, pictures: bool) -> None:
        structure = SETTINGS.structure(2)
        self.pictures = pictures
        self.vae, self.d = Disentangler(structure, 1.0), FeatureDiscriminator(structure)
        self.head, self.d_pix = torch.nn.Linear(structure.code, 10), PixelDiscriminator(structure)
        learning = [*self.vae.parameters(), *self.head.parameters()]
        self.adam = torch.optim.Adam(learning, 1e-3, (0.5, 0.999))
        self.d_adam = torch.optim.Adam(self.d.parameters(), 1e-3, (0.5, 0.999))
        self.pix_adam = torch.optim.Adam(self.d_pix.parameters(), 1e-3, (0.5, 0.999))
        self.own = torch.eye(2).repeat_interleave(SETTINGS.batch, 0)
        self.labels = torch.arange(SETTINGS.batch) % 10

    def step(self, x: torch.Tensor) -> None:
        mean, log_variance = self.vae.encoder(x)
        spread = (log_variance / 2).exp()

        def draw() -> torch.Tensor:
            return mean + spread * torch.randn_like(mean)

        for _ in range(SETTINGS.d_steps):
            self._update(self.d_adam, BCE(self.d(draw().detach()), self.own))
        if self.pictures:
            self._pixels(x, draw)
        self.d.requires_grad_(False)
        self.d_pix.requires_grad_(False)
        kl = (mean.square() + log_variance.exp() - 1 - log_variance).sum() / 2
        loss = F.mse_loss(self.vae.decoder(draw(), self.own), x) + 1e-6 * kl
        loss = loss + 2 * BCE(self.d(draw()), 1 - self.own)
        if self.pictures:
            scores, logits = self.d_pix(self.vae.decoder(draw().detach(), 1 - self.own))
            loss = loss - 1e-3 * scores.mean() + 1e-2 * BCE(logits, 1 - self.own)
        else:
            loss = loss + F.cross_entropy(self.head(draw()[: SETTINGS.batch]), self.labels)
        self._update(self.adam, loss)
        self.d.requires_grad_(True)
        self.d_pix.requires_grad_(True)

    def _pixels(self, x: torch.Tensor, draw) -> None:
        with torch.no_grad():
            made = self.vae.decoder(draw(), 1 - self.own)
        scores, logits = self.d_pix(x)
        points = (x + (made - x) * torch.rand(len(x), 1, 1, 1)).requires_grad_()
        (slopes,) = torch.autograd.grad(self.d_pix(points)[0].sum(), points, create_graph=True)
        gp = (slopes.flatten(1).norm(dim=1) - 1).square().mean()
        critic = self.d_pix(made)[0].mean() - scores.mean()
        self._update(self.pix_adam, critic + 10 * gp + BCE(logits, self.own))

    def _update(self, adam: torch.optim.Optimizer, loss: torch.Tensor) -> None:
        adam.zero_grad()
        loss.backward()
        adam.step()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["adaptation", IMAGES])
def test_a_step_is_hardly_slower_than_a_bare_one(form):
    sides = noise(0), noise(1)
    domains = Domains(("a", "b"), sides, sides, tuple("0123456789"), "")
    trainer = Trainer(domains, replace(SETTINGS, form=form), 0, epochs=1)
    bare, numbers = Bare(form == IMAGES), iter(range(1, 100))
    pictures = torch.cat([torch.from_numpy(side.images) for side in sides]).float() / 127.5 - 1
    labels = torch.cat([torch.from_numpy(sides[0].labels), torch.full((SETTINGS.batch,), -1)])
    check_hardly_slower(
        lambda: trainer.step(pictures, labels, next(numbers)), lambda: bare.step(pictures)
    )
