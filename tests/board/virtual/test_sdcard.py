"""What a run writes for the SD card, put into a board and switched on."""

from __future__ import annotations

import subprocess
import sys
import time
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from harness.board.virtual import start
from harness.kmodel import load
from tests.conftest import REPOSITORY

from .client import Client

PHOTOS = REPOSITORY / "fixtures" / "coins" / "valid"
LIMIT_S = 60


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    """The unzipped card of a run, in the folder of a virtual board."""
    out, root = tmp_path_factory.mktemp("run") / "run", tmp_path_factory.mktemp("board")
    command = ["run", "coin_classifier", "--epochs", "3", "--backends", "float,kpu", "--json"]
    program = [sys.executable, "-c", "from harness.cli import main; main()"]
    done = subprocess.run(
        [*program, *command, "--out", str(out)], capture_output=True, text=True, timeout=250
    )
    assert done.returncode in (0, 1), done.stderr
    with ZipFile(out / "sdcard.zip") as archive:
        archive.extractall(root / "sd")
    return root


def shown(folder) -> list[np.ndarray]:
    return [np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))]


@pytest.mark.sim
def test_the_card_holds_what_stock_firmware_loads(card):
    (kmodel,) = (card / "sd").glob("*.kmodel")
    assert load(kmodel).version == 4


@pytest.mark.sim
def test_boot_py_classifies_what_the_camera_sees(micropython, card, tmp_path):
    frames, lcd = tmp_path / "frames", tmp_path / "lcd"
    frames.mkdir()
    photo = sorted(PHOTOS.glob("*/*.jpg"))[0]
    Image.open(photo).resize((320, 240)).save(frames / "1.png")
    with start(files=card, frames=frames, lcd=lcd) as board, Client(board.port) as client:
        end = time.monotonic() + LIMIT_S
        while len(list(lcd.glob("*.png"))) < 3:
            assert time.monotonic() < end, client.quiet(0.1)
            time.sleep(0.2)
        printed = client.quiet(0.5).decode(errors="replace")
        pictures = shown(lcd)
        client.send(b"\x03")
        stopped = client.until(b"KeyboardInterrupt").decode(errors="replace")
    assert "Error" not in printed
    assert "Cannot load" not in printed
    assert "boot.py" in stopped
    # The start picture first, then the camera.
    assert not (pictures[0] == pictures[-1]).all()
