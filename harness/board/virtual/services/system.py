"""The firmware itself: what it is called, what it starts, its clock and its reset."""

from __future__ import annotations

import os
import time
import zlib
from calendar import timegm
from collections.abc import Callable
from pathlib import Path

from harness.board.virtual.faults import HardReset
from harness.board.virtual.line import Line
from harness.board.virtual.profile import Profile
from harness.board.virtual.services.files import Files

MODULES = Path(__file__).resolve().parent.parent / "modules"
# MaixPy counts seconds from 2000, as MicroPython does on most boards.
EPOCH = timegm((2000, 1, 1, 0, 0, 0))


class System:
    """Names, start files, time, interrupts.

    Attributes:
        restarts: What gives its memory back at each start; some say how many models went.
        stolen_ms: What the host took beyond a K210's time; the board's clock leaves it out.
    """

    def __init__(self, profile: Profile, line: Line, files: Files) -> None:
        self._profile, self._line, self._files = profile, line, files
        self.stolen_ms = 0.0
        self.restarts: list[Callable[[], int | None]] = [files.restart]

    def boot(self, kind: str) -> None:
        """Print what a board prints before MicroPython starts."""
        self._line.reset()
        freed = sum(restart() or 0 for restart in self.restarts)
        text = self._profile.hard_boot if kind == "hard" else self._profile.soft_boot(freed)
        self._line.write(text.encode("latin-1"))

    def modules(self) -> list[str]:
        """Return the names of the modules that the firmware has beyond the engine's."""
        return [*self._profile.modules, "_files", "_system"]

    def module(self, name: str) -> bytes:
        """Return the source of a module."""
        return (MODULES / f"{name}.py").read_bytes()

    def missing(self, name: str) -> list[str]:
        """Return what a module of this firmware lacks."""
        return list(self._profile.missing.get(name, ()))

    def implementation(self) -> dict[str, object]:
        """Return what `sys` says about the firmware."""
        return {"platform": "MaixPy", "version": list(self._profile.version)}

    def uname(self) -> list[str]:
        """Return the fields of `os.uname()`."""
        return list(self._profile.uname)

    def start_files(self, with_main: bool) -> list[tuple[str, str]]:
        """Return what to print, and which files to run, when the firmware starts."""
        starts = [(self._profile.start_text, "")]
        for name in ("boot.py", "main.py") if with_main else ("boot.py",):
            for folder in (self._files.cwd, "/flash"):
                if self._files.host(f"{folder}/{name}").is_file():
                    starts.append(("", f"{folder}/{name}"))
                    break
        return starts

    def sleep(self, milliseconds: float) -> None:
        """Wait; Ctrl-C ends it."""
        self._line.wait_interrupt(max(0.0, milliseconds) / 1000)

    def kbd_intr(self, character: int) -> None:
        """Set the byte that interrupts a program; -1 for none."""
        self._line.interrupt_char = character

    def crc32(self, data: bytes, value: int) -> int:
        """Return the CRC32 of bytes, going on from a value."""
        return zlib.crc32(data, value & 0xFFFFFFFF)

    def urandom(self, count: int) -> bytes:
        """Return random bytes."""
        return os.urandom(count)

    def time(self) -> int:
        """Return seconds since 2000."""
        return int(time.time()) - EPOCH

    def localtime(self, seconds: int | None) -> list[int]:
        """Return year, month, day, hour, minute, second, weekday, day of the year."""
        moment = time.gmtime(EPOCH + (self.time() if seconds is None else seconds))
        return [*moment[:6], moment.tm_wday, moment.tm_yday]

    def mktime(self, moment: list[int]) -> int:
        """Return seconds since 2000 of a moment."""
        return timegm((*moment[:6],)) - EPOCH

    def frequencies(self) -> tuple[int, int]:
        """Return the clocks of CPU and KPU in MHz."""
        return 416, 398

    def machine_reset(self) -> None:
        """Start again from the beginning."""
        raise HardReset

    def line_write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._line.write(data)

    def line_configure(self, baud: int, ring_bytes: int) -> None:
        """Set speed and ring of the line, once all that was written is sent."""
        self._line.configure(baud, ring_bytes)

    def line_waiting(self) -> int:
        """Return how many bytes wait in the ring."""
        return self._line.waiting()
