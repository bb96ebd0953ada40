"""Two small domains that train in seconds: bars and discs, light on dark, and blue on yellow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.method import TrainJob
from reference.ufdn import METHOD
from tests.reference.battery.listener import job_maker, train_once

SIDE, SHOTS = 32, 10
QUICK = {"width": "0.015625", "code": "8", "batch": "8", "d_steps": "1"}
LOOKS = {"source": ((0, 0, 0), (255, 255, 255)), "target": ((250, 220, 60), (40, 60, 160))}


@pytest.fixture(scope="session")
def domains_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`source/` and `target/`, each with two classes of ten pictures."""
    folder = tmp_path_factory.mktemp("domains")
    axis = np.arange(SIDE) - SIDE / 2
    x, y = np.meshgrid(axis, axis)
    for name, (ground, paint) in LOOKS.items():
        for kind, inside in (("bar", abs(x) < 5), ("disc", x**2 + y**2 < 100)):
            for shot in range(SHOTS):
                rng = np.random.default_rng([len(name), len(kind), shot, ord(name[0])])
                mask = np.roll(inside, rng.integers(-4, 5, 2), (0, 1))[..., None]
                pixels = np.where(mask, paint, ground) + rng.normal(0, 4, (SIDE, SIDE, 3))
                save(folder / name / kind / f"{shot}.png", pixels)
    return folder


@pytest.fixture(scope="session")
def trained(domains_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of two epochs on the small domains, in the folder of its training."""
    out = tmp_path_factory.mktemp("trained") / "training"
    return train_once(METHOD, TrainJob(out=out, data=domains_folder, epochs=2, options=QUICK))


@pytest.fixture(scope="session")
def trained_on_pictures(domains_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `trained`, in the form for pictures."""
    out = tmp_path_factory.mktemp("trained") / "pictures"
    options = QUICK | {"form": "images"}
    return train_once(METHOD, TrainJob(out=out, data=domains_folder, epochs=2, options=options))


@pytest.fixture
def job(domains_folder: Path, tmp_path: Path) -> Callable[..., TrainJob]:
    """Make a training of two epochs on the small domains; arguments change it."""
    return job_maker(QUICK, out=tmp_path / "training", data=domains_folder, epochs=2)


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
