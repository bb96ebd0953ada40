"""Small photographs that train in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.method import TrainJob
from reference.coin_classifier import METHOD
from tests.reference.battery.listener import job_maker, train_once

SHOTS = 36
SIDE = 48
QUICK = {"size": "96", "batch": "32"}


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 36 shots: bright bars on the one, bright discs on the other."""
    folder = tmp_path_factory.mktemp("photographs")
    write_class(folder / "bar", lambda x, y: abs(x) < 6)
    write_class(folder / "disc", lambda x, y: x**2 + y**2 < 150)
    return folder


@pytest.fixture(scope="session")
def trained(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of two epochs on the small photographs, in the folder of its training."""
    out = tmp_path_factory.mktemp("trained") / "training"
    return train_once(METHOD, TrainJob(out=out, data=photographs, epochs=2, options=QUICK))


@pytest.fixture
def job(photographs: Path, tmp_path: Path) -> Callable[..., TrainJob]:
    """Make a training of two epochs on the small photographs; arguments change it."""
    return job_maker(QUICK, out=tmp_path / "training", data=photographs, epochs=2)


def write_class(
    folder: Path, inside: Callable[[np.ndarray, np.ndarray], np.ndarray], shots: int = SHOTS
) -> None:
    folder.mkdir(parents=True)
    axis = np.arange(SIDE) - SIDE / 2
    x, y = np.meshgrid(axis, axis)
    for shot in range(1, shots + 1):
        rng = np.random.default_rng([len(folder.name), shot])
        ground = rng.uniform(20, 90) + rng.normal(0, 8, (SIDE, SIDE, 3))
        light = 120 * inside(x + rng.uniform(-4, 4), y + rng.uniform(-4, 4))
        pixels = (ground + light[..., None]).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{shot}.jpg")
