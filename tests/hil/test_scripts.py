"""The scripts of `device_scripts/`, as they are, on a board."""

from __future__ import annotations

import re

import pytest

from harness.board.scripts import script

pytestmark = pytest.mark.hil


def limited(name: str, **values: object) -> str:
    """Return a script with other constants, so that it ends."""
    text = script(name)
    for constant, value in values.items():
        text, count = re.subn(rf"^{constant} = .*$", f"{constant} = {value!r}", text, flags=re.M)
        assert count == 1, constant
    return text


def test_selftest_finds_nothing_broken(board):
    printed = board.exec(script("selftest.py"), timeout=120, name="selftest.py")
    assert "selftest done, 0 failures" in printed, printed


def test_fps_logs_a_rate(board):
    if "sensor" not in board.info.modules:
        pytest.skip("this firmware has no camera")
    printed = board.exec(limited("fps.py", LINES=1, FRAMES=5), timeout=120, name="fps.py")
    assert re.search(r"^5 frames in \d+ ms: \d+\.\d\d fps$", printed, re.M), printed


def test_imu_feels_gravity(board):
    if "M5Stick" not in board.info.machine:
        pytest.skip("this board has no MPU6886")
    printed = board.exec(limited("imu.py", LINES=3), timeout=30, name="imu.py")
    found = re.findall(r"^m/s2 (\S+) (\S+) (\S+)  rad/s (\S+) (\S+) (\S+)$", printed, re.M)
    assert len(found) == 3, printed
    for line in found:
        x, y, z, *turning = map(float, line)
        assert 5 < (x * x + y * y + z * z) ** 0.5 < 15
        assert all(abs(rate) < 35 for rate in turning)
