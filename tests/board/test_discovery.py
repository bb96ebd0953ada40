"""Which ports a K210 board may be on, and which one is meant."""

from __future__ import annotations

import pytest
from serial.tools.list_ports_common import ListPortInfo

from harness.board import choose, discovery
from harness.board.choose import NoBoardError, resolve
from harness.board.discovery import boards, probed
from harness.board.lock import PortLock
from harness.errors import BoardError


def usb(device: str, vid: int | None, pid: int | None, location: str = "1-1:1.0") -> ListPortInfo:
    port = ListPortInfo(device, skip_link_detection=True)
    port.vid, port.pid, port.location, port.serial_number = vid, pid, location, "ABC"
    return port


STICK = usb("/dev/ttyUSB2", 0x0403, 0x6001)
BIT = (
    usb("/dev/ttyUSB0", 0x0403, 0x6010, "1-2:1.0"),
    usb("/dev/ttyUSB1", 0x0403, 0x6010, "1-2:1.1"),
)
MODEM = usb("/dev/ttyACM0", 0x1234, 0x5678)
BUILT_IN = usb("/dev/ttyS0", None, None)


@pytest.fixture
def plugged(monkeypatch):
    monkeypatch.delenv(choose.VARIABLE, raising=False)

    def plug(*ports):
        monkeypatch.setattr(discovery, "ports", lambda: list(ports))

    return plug


def test_boards_are_known_by_their_bridges():
    found = boards([MODEM, STICK, *BIT, BUILT_IN])
    assert [one.port for one in found] == ["/dev/ttyUSB0", "/dev/ttyUSB2"]
    assert "M5StickV" in found[1].boards
    assert (found[1].usb, found[1].serial_number) == ("0403:6001", "ABC")


def test_the_only_board_is_meant(plugged):
    plugged(MODEM, *BIT)
    assert resolve() == "/dev/ttyUSB0"


def test_several_boards_are_named(plugged):
    plugged(STICK, *BIT)
    with pytest.raises(BoardError, match="/dev/ttyUSB0, /dev/ttyUSB2"):
        resolve()


def test_no_board_is_an_error_of_its_own(plugged):
    plugged(MODEM)
    with pytest.raises(NoBoardError, match="--board virtual"):
        resolve()


def test_the_environment_names_a_board(plugged, monkeypatch):
    plugged(STICK)
    monkeypatch.setenv(choose.VARIABLE, "/dev/ttyUSB9")
    assert resolve() == "/dev/ttyUSB9"
    assert resolve("/dev/ttyUSB3") == "/dev/ttyUSB3"
    monkeypatch.setenv(choose.VARIABLE, "auto")
    assert resolve() == "/dev/ttyUSB2"


def test_a_probe_leaves_a_held_port_alone(peer):
    one = peer()
    (found,) = boards([usb(one.port, 0x0403, 0x6001)])
    with PortLock(one.port):
        assert "locked by" in probed(found).problem
    assert not one.heard


def test_a_probe_asks(microbit, monkeypatch):
    monkeypatch.setenv("K210_BOARD_ROOM", "60")
    (found,) = boards([usb(microbit, 0x0403, 0x6001)])
    assert "micro:bit" in probed(found).firmware
    with PortLock(microbit):
        pass
