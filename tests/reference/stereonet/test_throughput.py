"""What the machinery around a step costs, against the same network in a bare PyTorch loop."""

from __future__ import annotations

import time

import pytest
import torch
import torch.nn.functional as F

from reference.stereonet.data import rendered
from reference.stereonet.networks import StereoNet
from reference.stereonet.settings import Settings
from reference.stereonet.trainer import Trainer

LEAST_RATIO = 0.8
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


def seconds(call) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


@pytest.mark.slow
def test_a_step_is_hardly_slower_than_a_bare_one():
    trainer, bare = Trainer(rendered(8, 32), SETTINGS, 1, 0, "cpu"), Bare()
    places = torch.arange(SETTINGS.batch)
    trainer.network.train()
    ours, theirs = [], []
    for _ in range(12):  # in turn, so that a busy machine slows both
        ours.append(seconds(lambda: trainer.step(places, 0)))
        theirs.append(seconds(bare.step))
    assert min(theirs) / min(ours) >= LEAST_RATIO, (min(theirs), min(ours))
