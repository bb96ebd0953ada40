"""kflash, as its authors wrote it, against a simulated boot ROM on a pseudo-terminal."""

from __future__ import annotations

import hashlib
import random
import struct
import time
import zipfile
from contextlib import contextmanager

import pytest

from harness.board.flash.flasher import Settings, flash_firmware, flash_model
from harness.board.lock import PortLock
from harness.errors import BoardError, KModelError, UsageError
from tests.conftest import timed
from tests.hil.conftest import stock

from .rom import FLASH_WRITE, MEMORY_WRITE, STUB_BAUD, BootRom

pytest.importorskip("kflash")


class Heard:
    """Progress that a test reads."""

    def __init__(self) -> None:
        self.total = self.done = 0

    @contextmanager
    def task(self, title, total):
        self.total = total
        yield self

    def advance(self, steps=1, note=""):
        self.done += steps

    def say(self, text): ...


@pytest.fixture
def firmware(tmp_path):
    """A file of bytes that need every kind of escape."""
    path = tmp_path / "firmware.bin"
    path.write_bytes(random.Random(3).randbytes(100_000) + b"\xc0\xdb\xdc\xdd" * 50)
    return path


@pytest.fixture
def kmodel(tmp_path):
    path = tmp_path / "model.kmodel"
    path.write_bytes(stock("odd_37x23"))
    return path


def test_a_firmware_arrives_with_its_header_and_hash(peer, firmware):
    rom, progress = BootRom(), Heard()
    flash_firmware(firmware, Settings(peer(rom).port, kind="dan"), progress)
    data = firmware.read_bytes()
    # The first byte has flags of kflash's own.
    whole = rom.image(0, 1) + struct.pack("<I", len(data)) + data
    assert rom.image(0, len(whole)) == whole
    assert rom.image(len(whole), 32) == hashlib.sha256(whole).digest()
    assert rom.booted_at == 0x80000000
    assert rom.chip == 1
    assert (progress.done, progress.total) == (200, 200)


def test_a_kmodel_arrives_at_its_address_as_it_is(peer, kmodel):
    rom = BootRom()
    flash_model(kmodel, 0x300000, Settings(peer(rom).port, kind="goE"))
    data = kmodel.read_bytes()
    assert rom.image(0x300000, len(data)) == data
    assert min(rom.flash) == 0x300000


def test_another_speed_is_asked_for(peer, kmodel):
    rom = BootRom()
    flash_model(kmodel, 0x300000, Settings(peer(rom).port, kind="dan", baud=921600))
    assert STUB_BAUD in rom.operations
    assert rom.image(0x300000, 4) == kmodel.read_bytes()[:4]


def test_a_chip_that_is_silent_is_one_line(peer, firmware):
    with pytest.raises(BoardError, match="does not enter its boot ROM") as caught:
        flash_firmware(firmware, Settings(peer().port, kind="dan"))
    assert "BOOT" in caught.value.remedy
    assert "\n" not in str(caught.value)


@timed
def test_a_time_limit_holds(peer, firmware):
    started = time.monotonic()
    with pytest.raises(BoardError, match="not done after 3 s"):
        flash_firmware(firmware, Settings(peer().port, kind="dan", limit=3))
    assert time.monotonic() - started < 8


@pytest.mark.parametrize("operation", [MEMORY_WRITE, FLASH_WRITE])
def test_a_refused_block_is_no_success(peer, firmware, operation):
    """kflash 1.1.6 says that it tries a refused block again, leaves it out, and exits with 0."""
    rom = BootRom(spoil=operation)
    with pytest.raises(BoardError, match="refused a block"):
        flash_firmware(firmware, Settings(peer(rom).port, kind="dan", limit=60))
    assert rom.operations.count(operation) >= 2


def test_the_port_is_locked_and_free_again(peer, kmodel):
    port = peer(BootRom()).port
    with PortLock(port), pytest.raises(BoardError, match="is locked by"):
        flash_model(kmodel, 0x300000, Settings(port))
    flash_model(kmodel, 0x300000, Settings(port, kind="dan"))
    with PortLock(port):
        pass


def test_nothing_is_sent_where_the_file_or_address_is_wrong(peer, kmodel, firmware, tmp_path):
    rom = BootRom()
    settings = Settings(peer(rom).port)
    archive = tmp_path / "all.kfpkg"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("flash-list.json", "{}")
    for error, call in (
        (UsageError, lambda: flash_model(kmodel, 0xD00000, settings)),
        (UsageError, lambda: flash_model(tmp_path / "none.kmodel", 0x300000, settings)),
        (KModelError, lambda: flash_model(firmware, 0x300000, settings)),
        (UsageError, lambda: flash_firmware(archive, settings)),
        (UsageError, lambda: Settings("x", kind="esp32")),
    ):
        with pytest.raises(error):
            call()
    assert rom.operations == []
