"""Camera, display, motion sensor, SPI and buttons; and the scripts that are written for them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from harness.board import pixels
from harness.board.virtual import start
from harness.errors import UsageError
from tests.conftest import REPOSITORY

from .client import ProgramError

SCRIPTS = REPOSITORY / "device_scripts"


@pytest.fixture(scope="module")
def scene():
    return np.random.default_rng(9).integers(0, 256, (240, 320, 3), np.uint8)


@pytest.fixture(scope="module")
def board(micropython, tmp_path_factory, scene):
    frames, lcd = tmp_path_factory.mktemp("frames"), tmp_path_factory.mktemp("lcd")
    Image.fromarray(scene).save(frames / "1.png")
    with start(frames=frames, lcd=lcd) as board:
        yield board


def script(name: str, **values: object) -> str:
    """Return a device script with some of its constants set otherwise."""
    text = (SCRIPTS / name).read_text()
    for constant, value in values.items():
        text, count = re.subn(rf"^{constant} = .*$", f"{constant} = {value!r}", text, flags=re.M)
        assert count == 1, constant
    return text


def test_the_camera_sees_the_frames_on_the_565_grid(client, scene):
    printed = client.run(
        "import sensor\nsensor.reset()\nsensor.set_windowing((224, 224))\np = sensor.snapshot()\n"
        "print(p.width(), p.height(), p.get_pixel(0, 0), p.get_pixel(223, 100))"
    )
    planes = pixels.on_grid(scene.transpose(2, 0, 1))
    first, second = (tuple(int(v) for v in planes[:, y, x]) for x, y in ((48, 8), (271, 108)))
    assert printed == f"224 224 {first} {second}\n"


def test_the_display_shows_what_the_camera_sees(board, client, scene):
    client.run("import sensor, lcd\nlcd.init()\nlcd.display(sensor.snapshot())")
    shown = np.asarray(Image.open(max(board.lcd.glob("*.png"))))
    planes = pixels.on_grid(scene.transpose(2, 0, 1)).transpose(1, 2, 0)
    assert shown.shape == (135, 240, 3)
    x, y = 48, 8  # the window of the test before is gone, or still there
    assert (shown == planes[:135, :240]).all() or (shown == planes[y : y + 135, x : x + 240])[
        :, :224
    ].all()


def test_shrinking_takes_the_pixels_that_the_firmware_takes(client, scene):
    printed = client.run(
        "import sensor\nsensor.reset()\np = sensor.snapshot().resize(160, 120)\n"
        "print([p.get_pixel(x, 2 * x) for x in range(3)])"
    )
    planes = pixels.on_grid(scene.transpose(2, 0, 1))
    assert eval(printed) == [tuple(int(v) for v in planes[:, 4 * x, 2 * x]) for x in range(3)]


def test_the_motion_sensor_lies_still(client):
    printed = client.run(script("imu.py", LINES=2, PERIOD_MS=10))
    assert printed == "m/s2 0.00 0.00 9.81  rad/s 0.000 0.000 0.000\n" * 2


def test_the_self_test_finds_nothing_wrong(client):
    printed = client.run(script("selftest.py"), 60)
    assert printed.endswith("selftest done, 0 failures\n")
    assert printed.count("\nok ") == 7, printed


def test_the_camera_loop_logs_its_rate(client):
    printed = client.run(script("fps.py", FRAMES=5, LINES=1), 30)
    (rate,) = re.fullmatch(r"5 frames in \d+ ms: (\d+\.\d+) fps\n", printed).groups()
    # The first of the five frames waits for nothing.
    assert 5 < float(rate) <= 12.6


def test_photographs_are_taken_by_button(board, client):
    (board.sd / "capture.py").write_text(script("capture.py"))
    client.send(b"import capture\x04")
    client.until(b"OK")
    board.button("A", True)
    assert client.until(b"saved /sd/train/1/1.jpg", 20)
    board.button("A", False)
    client.quiet(0.5)
    client.send(b"\x03")
    assert b"KeyboardInterrupt" in client.until(b"\x04>")
    with Image.open(board.sd / "train" / "1" / "1.jpg") as image:
        assert image.size == (320, 240)


def test_what_is_sent_over_spi_arrives(board, client):
    client.run("from machine import SPI\ns = SPI(SPI.SPI1)\ns.write(b'\\xa5\\x01')\ns.write(7)")
    assert board.spi.read_bytes() == b"\xa5\x01\x07"


def test_a_wrong_argument_ends_the_program_and_not_the_board(board, client):
    with pytest.raises(ProgramError, match="virtual board: picture_pixel: IndexError"):
        client.run("import image\nimage.Image().get_pixel(1000, 1000)")
    assert client.run("print(1)") == "1\n"
    with pytest.raises(UsageError, match="no button 'C'"):
        board.button("C", True)
