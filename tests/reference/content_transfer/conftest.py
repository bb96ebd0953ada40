"""Trainings that take a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from harness.method import TrainJob
from reference.content_transfer import METHOD
from reference.content_transfer.faces import draw_glasses, draw_people, render
from tests.reference.battery.listener import job_maker, train_once

QUICK = {"width": "0.1", "sep": "2", "batch": "4", "steps": "120", "faces": "64"}
PICTURES = 12


@pytest.fixture(scope="session", autouse=True)
def _quick_judge() -> Iterator[None]:
    """How well judges are taught is tested by itself, and figures need no many pictures here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reference.content_transfer.data.HELD_OUT", 16)
        patch.setattr("reference.content_transfer.judge.JUDGE_STEPS", 40)
        yield


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's pictures: twelve plain ones and twelve with glasses, larger than the network's."""
    top = tmp_path_factory.mktemp("folders")
    for name, glasses in (("plain", None), ("content", draw_glasses(PICTURES, 6))):
        (top / name).mkdir()
        images = render(draw_people(PICTURES, 5 + bool(glasses)), glasses, 48)
        for number, image in enumerate(images):
            Image.fromarray(image.transpose(1, 2, 0)).save(top / name / f"{number}.png")
    return top


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, _quick_judge: None) -> Path:
    """The checkpoint of a quick training, in the folder of the training."""
    out = tmp_path_factory.mktemp("trained") / "training"
    return train_once(METHOD, TrainJob(out=out, options=QUICK))


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., TrainJob]:
    """Make a quick training; arguments change it."""
    return job_maker(QUICK, out=tmp_path / "training")
