"""Where a board is after it was unplugged: the same board under another port's name.

A USB bridge is known by its serial number, or where it has none by the socket it is plugged into;
a virtual board by the id that it writes beside the locks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.board.discovery import Found, UsbPort, ports
from harness.board.lock import folder
from harness.files import write_json

_VIRTUAL = "virtual-"


@dataclass(frozen=True)
class Identity:
    """What tells a board from others while its port changes its name.

    Attributes:
        kind: "usb", "virtual", or "port" where nothing but the port's name is known.
        key: Serial number, or socket; the virtual board's id; the port.
        bridge: USB vendor and product.
    """

    kind: str
    key: str
    bridge: tuple[int, int] | None = None


def identity(url: str) -> Identity:
    """Return what the board on a port can be recognised by."""
    for name, port in _virtual_boards():
        if port == url:
            return Identity("virtual", name)
    for found in _usb_ports():
        if found.device == url:
            key = found.serial_number or found.location
            if key:
                return Identity("usb", key, (found.vid or 0, found.pid or 0))
    return Identity("port", url)


def find(wanted: Identity) -> str | None:
    """Return the port on which a board is now; None where it is on none."""
    if wanted.kind == "virtual":
        return next((port for name, port in _virtual_boards() if name == wanted.key), None)
    if wanted.kind == "usb":
        return next((port.device for port in _usb_ports() if _is(port, wanted)), None)
    # A name of another machine's port can only be tried.
    return wanted.key if "://" in wanted.key or Path(wanted.key).exists() else None


def record_virtual(name: str, port: str | None) -> None:
    """Say on which port a virtual board is; None for nowhere."""
    path = folder() / f"{_VIRTUAL}{name}.json"
    if port is None:
        path.unlink(missing_ok=True)
    else:
        write_json(path, {"port": port, "pid": os.getpid()})


def virtual_boards() -> list[Found]:
    """Return the virtual boards that run on this machine and share our folder of locks."""
    return [
        Found(record["port"], ("virtual board",), "virtual", name, None)
        for name, record in _records()
        if "pid" in record and _runs(record["pid"])
    ]


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True


def _is(port: UsbPort, wanted: Identity) -> bool:
    same = (port.vid or 0, port.pid or 0) == wanted.bridge
    return same and wanted.key in (port.serial_number, port.location)


def _usb_ports() -> list[UsbPort]:
    return sorted((port for port in ports() if port.vid), key=lambda port: port.device)


def _virtual_boards() -> Iterator[tuple[str, str]]:
    return ((name, record["port"]) for name, record in _records())


def _records() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(folder().glob(f"{_VIRTUAL}*.json")):
        try:
            record = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            continue  # it was ended just now
        if "port" in record:
            yield path.stem.removeprefix(_VIRTUAL), record
