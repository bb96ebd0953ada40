"""What the machinery around a step costs, against the same network in a bare PyTorch loop."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from reference.stereonet.data import rendered
from reference.stereonet.networks import StereoNet
from reference.stereonet.settings import Settings
from reference.stereonet.trainer import Trainer
from tests.reference.battery.speed import check_hardly_slower

SETTINGS = Settings(crop=1, coarse_epochs=0, pairs=8)


class Bare:
    """A step on whole pictures with nothing around it."""

    def __init__(self) -> None:
        self.network = StereoNet(SETTINGS.structure)
        self.adam = torch.optim.Adam(self.network.parameters(), 2e-3)
        self.left, self.right = torch.rand(2, SETTINGS.batch, 3, 96, 192)
        self.truth = torch.full((SETTINGS.batch, 1, 96, 192), 9.0)

    def step(self) -> None:
        loss = 0
        for level in self.network(self.left, self.right):
            whole = F.interpolate(level, (96, 192), mode="bilinear")
            loss = loss + (((whole - self.truth) / 2) ** 2 + 1).sqrt().mean()
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()


@pytest.mark.slow
def test_a_step_is_hardly_slower_than_a_bare_one():
    trainer, bare = Trainer(rendered(8, 32), SETTINGS, 1, 0, "cpu"), Bare()
    places = torch.arange(SETTINGS.batch)
    trainer.network.train()
    check_hardly_slower(lambda: trainer.step(places, 0), bare.step, 12)
