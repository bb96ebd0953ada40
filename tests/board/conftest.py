"""Peers on the other end of a serial line, and locks that belong to the test."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import threading
import tty
from pathlib import Path

import pytest

from harness.board.virtual import installation
from harness.errors import SetupError
from harness.files import cache_folder
from tests.cli.conftest import k210_command  # noqa: F401  the same command line

FIRMWARE = Path("/usr/share/firmware-microbit-micropython/firmware.hex")
QEMU = "qemu-system-arm"
# The micro:bit receives into 64 bytes.
MICROBIT_ROOM = 60


@pytest.fixture(autouse=True)
def lock_folder(tmp_path_factory, monkeypatch):
    """Locks of this test's own."""
    folder = tmp_path_factory.mktemp("locks")
    monkeypatch.setenv("K210_LOCK_DIR", str(folder))
    return folder


@pytest.fixture(scope="session")
def micropython():
    """MicroPython lies in the cache folder, and Node is there."""
    for engine in installation.PACKAGES:
        try:
            installation.find_node()
            installation.ensure(engine, cache_folder())
        except SetupError as error:
            pytest.skip(str(error))


@pytest.fixture(scope="module")
def microbit():
    """Port of a MicroPython 1.9.2 that nobody here wrote: Debian's, on an emulated micro:bit."""
    if not FIRMWARE.exists() or not shutil.which(QEMU):
        pytest.skip(
            "no emulated micro:bit: apt install qemu-system-arm firmware-microbit-micropython"
        )
    command = [QEMU, "-M", "microbit", "-device", f"loader,file={FIRMWARE}", "-serial", "pty",
               "-display", "none", "-monitor", "none"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    port = re.search(r"/dev/\S+", process.stdout.readline())[0]
    # QEMU looks once a second whether somebody has opened its pseudo-terminal: it stays open here.
    kept = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        yield port
    finally:
        os.close(kept)
        process.kill()
        process.communicate()


class Peer:
    """The far end of a pseudo-terminal, answering as a function says.

    Args:
        answer: What to send for bytes that came.
    """

    def __init__(self, answer=lambda data: b"") -> None:
        self._answer = answer
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self.heard = bytearray()
        self._ended, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            ready, _, _ = select.select([self.master, self._ended], [], [])
            if self._ended in ready:
                return
            data = os.read(self.master, 4096)
            self.heard += data
            os.write(self.master, self._answer(data))

    def close(self) -> None:
        os.write(self._wake, b"x")
        self._thread.join(5)
        for descriptor in (self.master, self._slave, self._ended, self._wake):
            os.close(descriptor)


@pytest.fixture
def peer():
    """Make peers; they end with the test."""
    made = []

    def make(*arguments) -> Peer:
        made.append(Peer(*arguments))
        return made[-1]

    yield make
    for one in made:
        one.close()


def pytest_collection_modifyitems(items):
    """The emulated micro:bit has 64 bytes to receive into, and no flow control.

    It drops bytes when the host has no time for it: its tests run alone, and again where that
    happens all the same (seen once in about 70 tests).
    """
    for item in items:
        if "microbit" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.alone)
            item.add_marker(pytest.mark.flaky(reruns=2))
