"""The plainest client of a raw REPL, so that these tests depend on no client of ours."""

from __future__ import annotations

import time
from typing import Self

import serial

RAW = b"raw REPL; CTRL-B to exit\r\n>"
PROMPT = b"\r\n>>> "
LIMIT_S = 20.0


class ProgramError(Exception):
    """What a program on the board ended with."""


class Client:
    """An open port."""

    def __init__(self, port: str, baud: int = 115200) -> None:
        self.serial = serial.Serial(port, baud, timeout=0.05)
        self.late = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.serial.close()

    def send(self, data: bytes) -> None:
        self.serial.write(data)

    def until(self, end: bytes, limit_s: float = LIMIT_S) -> bytes:
        """Return what comes up to and with `end`."""
        got, stop = self.late, time.monotonic() + limit_s
        while end not in got:
            assert time.monotonic() < stop, f"no {end!r} but {got!r}"
            got += self.serial.read(self.serial.in_waiting or 1)
        at = got.index(end) + len(end)
        self.late = got[at:]
        return got[:at]

    def quiet(self, for_s: float = 0.4) -> bytes:
        """Return what comes until nothing came for a while."""
        got, last = self.late, time.monotonic()
        self.late = b""
        while time.monotonic() - last < for_s:
            if more := self.serial.read(self.serial.in_waiting or 1):
                got, last = got + more, time.monotonic()
        return got

    def enter_raw(self) -> None:
        """Stop whatever runs, and start the raw REPL, whatever state the board is in."""
        for _ in range(20):
            self.send(b"\r\x03\x03\x01")
            if self.quiet(0.3).endswith(RAW):
                return
        raise AssertionError("no raw REPL")

    def run(self, code: str, limit_s: float = LIMIT_S) -> str:
        """Run code and return what it prints.

        Raises:
            ProgramError: It ends with an exception.
        """
        data = code.encode()
        for start in range(0, len(data), 256):
            self.send(data[start : start + 256])
            time.sleep(0.03)
        self.send(b"\x04")
        assert self.until(b"OK", limit_s) == b"OK"
        printed = self.until(b"\x04", limit_s)[:-1].decode()
        error = self.until(b"\x04>", limit_s)[:-2].decode()
        if error:
            raise ProgramError(error)
        return printed.replace("\r\n", "\n")
