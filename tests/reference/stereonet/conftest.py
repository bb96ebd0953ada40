"""Trainings that take a second, and pairs in a folder as a user has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.method import TrainJob
from reference.stereonet import METHOD
from reference.stereonet.pairs import write_disparity
from reference.stereonet.scenes import Stereograms, scenes
from tests.reference.battery.listener import job_maker, train_once

QUICK = {"width": "0.0625", "pairs": "8", "coarse_epochs": "1", "batch": "4"}
PAIRS = 9


@pytest.fixture(scope="session")
def rendered() -> Stereograms:
    return scenes(PAIRS, 5, 32)


def write_pairs(folder: Path, made: Stereograms, *, known: bool = True) -> Path:
    """Write pairs as 384 x 200 pictures, whose disparities are twice as large."""
    size = (384, 200)
    for number, (left, right) in enumerate(zip(made.left, made.right, strict=True)):
        for side, pixels in (("left", left), ("right", right)):
            (folder / side).mkdir(parents=True, exist_ok=True)
            picture = Image.fromarray(pixels.transpose(1, 2, 0)).resize(size)
            picture.save(folder / side / f"{number}.png")
        if known:
            truth = Image.fromarray(made.disparity[number, 0])
            larger = 2 * np.asarray(truth.resize(size, Image.Resampling.NEAREST))
            write_disparity(folder / "disparity" / f"{number}.png", larger)
    return folder


@pytest.fixture(scope="session")
def pairs_folder(rendered: Stereograms, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`left/`, `right/` and `disparity/` with nine pairs."""
    return write_pairs(tmp_path_factory.mktemp("pairs"), rendered)


@pytest.fixture(scope="session")
def blind_folder(rendered: Stereograms, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`left/` and `right/` with three pairs of which nothing is known."""
    few = Stereograms(rendered.left[:3], rendered.right[:3], rendered.disparity[:3])
    return write_pairs(tmp_path_factory.mktemp("blind"), few, known=False)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a quick training, in the folder of the training."""
    out = tmp_path_factory.mktemp("trained") / "training"
    return train_once(METHOD, TrainJob(out=out, epochs=1, options=QUICK))


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., TrainJob]:
    """Make a quick training; arguments change it."""
    return job_maker(QUICK, out=tmp_path / "training", epochs=1)
