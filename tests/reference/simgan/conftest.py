"""Trainings that take a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from harness.method import TrainJob
from reference.simgan import METHOD
from reference.simgan.eyes import render
from tests.reference.battery.listener import job_maker, train_once

QUICK = {
    "width": "0.05",
    "blocks": "1",
    "batch": "4",
    "steps": "30",
    "refiner_steps": "10",
    "discriminator_steps": "5",
    "history": "16",
    "synthetic": "64",
    "real": "64",
    "estimator_steps": "5",
    "hidden": "4",
}
PICTURES = 12


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's pictures: twelve synthetic and twelve real ones, larger than the network's."""
    top = tmp_path_factory.mktemp("folders")
    for name, domain in (("synthetic", "synthetic"), ("real", "camera")):
        (top / name).mkdir()
        for number, image in enumerate(render(PICTURES, 5, domain).images):
            picture = Image.fromarray(image[0]).resize((110, 70)).convert("RGB")
            picture.save(top / name / f"{number}.png")
    return top


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a quick training, in the folder of the training."""
    out = tmp_path_factory.mktemp("trained") / "training"
    return train_once(METHOD, TrainJob(out=out, options=QUICK))


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., TrainJob]:
    """Make a quick training; arguments change it."""
    return job_maker(QUICK, out=tmp_path / "training")
