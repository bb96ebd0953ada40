"""Boards on this machine's serial ports: found by USB id, and asked who they are.

Ids: kflash.py's list of bridges, MaixPy-v1 issue 339 (`lsusb` of an M5StickV and an Amigo).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from harness.board.port import NO_PYSERIAL
from harness.errors import BoardError

if TYPE_CHECKING:
    from harness.board.repl import Listener

# USB vendor and product: which boards have such a bridge.
BRIDGES: dict[tuple[int, int], tuple[str, ...]] = {
    (0x0403, 0x6001): ("M5StickV", "UnitV"),
    (0x0403, 0x6010): ("Maix Bit (new)", "Maixduino", "Nano", "Cube", "Amigo", "Go"),
    (0x1A86, 0x7523): ("Maix Bit (old)", "Maix Dock"),
}
# Vendors whose every product counts.
VENDORS: dict[int, tuple[str, ...]] = {0xC251: ("Maix Go (open-ec)",)}
TWO_PORTS = (0x0403, 0x6010)


class UsbPort(Protocol):
    """What pyserial tells of a port."""

    device: str
    vid: int | None
    pid: int | None
    serial_number: str | None
    product: str | None
    location: str | None


@dataclass(frozen=True)
class Found:
    """A port that a K210 board may be on.

    Attributes:
        port: Device.
        boards: Boards that have such a USB bridge; others may have it too.
        usb: Vendor and product, such as "0403:6001".
        serial_number: Of the bridge.
        product: What the bridge calls itself.
        firmware: What the board answered, where it was asked.
        problem: Why it did not answer, where it was asked.
    """

    port: str
    boards: tuple[str, ...]
    usb: str
    serial_number: str | None
    product: str | None
    firmware: str | None = None
    problem: str | None = None


def ports() -> list[UsbPort]:
    """Return this machine's serial ports."""
    try:
        from serial.tools import list_ports
    except ImportError as error:
        raise BoardError(NO_PYSERIAL, "pip install 'k210-harness[board]'") from error
    return list(list_ports.comports())


def boards(among: Iterable[UsbPort] | None = None) -> list[Found]:
    """Return the ports whose USB bridge K210 boards have, one a board.

    A bridge with two ports has the board on the first.
    """
    there = sorted(ports() if among is None else among, key=lambda port: port.device)
    return [_found(port) for port in there if _candidates(port) and _first(port)]


def probed(found: Found, on_log: Listener | None = None) -> Found:
    """Ask the board on a port who it is; a port that somebody holds is left alone."""
    from dataclasses import replace

    from harness.board.board import Board
    from harness.board.repl import silence

    try:
        with Board.open(found.port, on_log=on_log or silence) as board:
            return replace(found, firmware=board.info.firmware or board.info.platform)
    except BoardError as error:
        return replace(found, problem=error.cause)


def usb_serial_number(device: str) -> str | None:
    """Return the serial number of the USB bridge on a port, if there is one."""
    return next((port.serial_number for port in ports() if port.device == device), None)


def _bridge(port: UsbPort) -> tuple[int, int]:
    return (port.vid or 0, port.pid or 0)


def _candidates(port: UsbPort) -> tuple[str, ...]:
    return BRIDGES.get(_bridge(port)) or VENDORS.get(port.vid or 0, ())


def _first(port: UsbPort) -> bool:
    # Linux names an interface of a USB device "1-2:1.0", "1-2:1.1".
    return _bridge(port) != TWO_PORTS or not (port.location or "").endswith(":1.1")


def _found(port: UsbPort) -> Found:
    vendor, product = _bridge(port)
    return Found(
        port.device,
        _candidates(port),
        f"{vendor:04x}:{product:04x}",
        port.serial_number,
        port.product,
    )
