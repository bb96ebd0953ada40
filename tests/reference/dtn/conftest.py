"""Two small domains that train in seconds: bright bars and discs in colour, and in grey."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.method import TrainJob
from reference.dtn import METHOD
from tests.reference.battery.listener import job_maker, train_once

SIDE, SHOTS = 32, 12
QUICK = {"width": "0.03125", "batch": "8", "f_epochs": "2", "judge_epochs": "2"}


@pytest.fixture(scope="session")
def domains_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`source/` in colour, `target/` white on black, each with two classes of twelve pictures."""
    folder = tmp_path_factory.mktemp("domains")
    axis = np.arange(SIDE) - SIDE / 2
    x, y = np.meshgrid(axis, axis)
    for kind, inside in (("bar", abs(x) < 5), ("disc", x**2 + y**2 < 100)):
        for shot in range(SHOTS):
            rng = np.random.default_rng([len(kind), shot])
            mask = np.roll(inside, rng.integers(-4, 5, 2), (0, 1))[..., None]
            wall, ink = rng.uniform(0, 90, 3), rng.uniform(160, 255, 3)
            colour = wall + (ink - wall) * mask + rng.normal(0, 8, (SIDE, SIDE, 3))
            _save(folder / "source" / kind / f"{shot}.png", colour)
            _save(folder / "target" / kind / f"{shot}.png", 255 * mask[..., 0] - 20 * (shot % 3))
    return folder


@pytest.fixture(scope="session")
def trained(domains_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of two epochs on the small domains, in the folder of its training."""
    out = tmp_path_factory.mktemp("trained") / "training"
    return train_once(METHOD, TrainJob(out=out, data=domains_folder, epochs=2, options=QUICK))


@pytest.fixture
def job(domains_folder: Path, tmp_path: Path) -> Callable[..., TrainJob]:
    """Make a training of two epochs on the small domains; arguments change it."""
    return job_maker(QUICK, out=tmp_path / "training", data=domains_folder, epochs=2)


def _save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
