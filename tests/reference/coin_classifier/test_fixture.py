"""The rendered coins that travel with the repository, and the script that makes them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from reference.coin_classifier.data import REPOSITORY, sample_data

COINS = REPOSITORY / "fixtures" / "coins"
SCRIPT = REPOSITORY / "fixtures" / "render_coins.py"
LIMIT_BYTES = 3_000_000


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("render_coins", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def shots(side: str, kind: str) -> set[int]:
    return {int(path.stem) for path in (COINS / side / kind).glob("*.jpg")}


def test_the_set_lies_where_the_method_looks():
    assert sample_data().resolve() == COINS.resolve()


@pytest.mark.parametrize(("kind", "count"), [("1", 35), ("2", 44), ("3", 38)])
def test_shots_are_split_as_the_camera_splits_them(kind, count):
    assert shots("valid", kind) == set(range(31, 36))
    assert shots("train", kind) == set(range(1, count + 1)) - set(range(31, 36))


def test_there_are_102_and_15_pictures_and_nothing_else():
    files = [path for path in COINS.rglob("*") if path.is_file()]
    assert len([path for path in files if "train" in path.parts]) == 102
    assert len([path for path in files if "valid" in path.parts]) == 15
    assert {path.suffix for path in files} == {".jpg"}
    assert sum(path.stat().st_size for path in files) <= LIMIT_BYTES


def test_every_picture_decodes_as_the_camera_takes_it():
    for path in COINS.rglob("*.jpg"):
        with Image.open(path) as picture:
            picture.load()
            assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (320, 240))


@pytest.mark.parametrize(("kind", "shot"), [("1", 1), ("2", 7), ("3", 38)])
def test_the_script_makes_these_very_pictures(script, kind, shot):
    rng = np.random.default_rng([0, int(kind), shot])
    made = script.photograph(kind, script.relief(kind), rng)
    with Image.open(COINS / "train" / kind / f"{shot}.jpg") as kept:
        difference = np.abs(np.asarray(made, np.float32) - np.asarray(kept, np.float32))
    assert difference.mean() < 4


def test_sizes_are_hidden(script):
    radii = {}
    for kind in script.KINDS:
        heights = script.relief(kind)
        rows = np.flatnonzero((heights > 0.3).any(axis=1))
        radii[kind] = rows[-1] - rows[0]
    assert max(radii.values()) - min(radii.values()) <= 4


def test_more_pictures_are_made_on_demand(tmp_path):
    command = [sys.executable, str(SCRIPT), str(tmp_path), "--count", "2", "--seed", "9"]
    subprocess.run(command, check=True)
    made = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.jpg"))
    assert made == ["1/1.jpg", "1/2.jpg", "2/1.jpg", "2/2.jpg", "3/1.jpg", "3/2.jpg"]
    assert (tmp_path / "1/1.jpg").read_bytes() != (COINS / "train/1/1.jpg").read_bytes()
