"""Raw paste, against a peer that keeps to the reference manual's rules and punishes who does not.

The peer is ours: it has MicroPython's protocol ("Raw-paste mode", MicroPython 1.14 and newer), a
window of 32 bytes, and runs what it gets with CPython.
"""

from __future__ import annotations

import contextlib
import io
import traceback

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.board.board import Board
from harness.board.failures import ScriptError

WINDOW = 32
BANNER = b"raw REPL; CTRL-B to exit\r\n>"


class Device:
    """The raw REPL of a newer MicroPython, byte by byte."""

    def __init__(self) -> None:
        self.state, self.line = "raw", bytearray()
        self.allowed = 0
        self.overrun = False
        self.names: dict[str, object] = {}

    def __call__(self, data: bytes) -> bytes:
        # The end of a program needs no room in the window.
        if self.state == "paste" and len(data.removesuffix(b"\x04")) > self.allowed:
            self.overrun = True
        return b"".join(self.take(bytes([byte])) for byte in data)

    def take(self, byte: bytes) -> bytes:
        if self.state == "paste":
            return self.paste(byte)
        if byte == b"\x01" and self.line == b"\x05A":
            self.state, self.line = "paste", bytearray()
            self.allowed = 2 * WINDOW
            return b"R\x01" + WINDOW.to_bytes(2, "little") + b"\x01"
        if byte in (b"\x01", b"\x03"):
            self.line.clear()
            return BANNER if byte == b"\x01" else b""
        if byte == b"\x02":
            return b"\r\n>>> "
        if byte == b"\x04":
            code, self.line = bytes(self.line), bytearray()
            return b"OK" + self.run(code)
        self.line += byte
        return b""

    def paste(self, byte: bytes) -> bytes:
        if byte == b"\x04":
            code, self.state, self.line = bytes(self.line), "raw", bytearray()
            return b"\x04" + self.run(code)
        self.line += byte
        self.allowed -= 1
        if len(self.line) % WINDOW == 0:
            self.allowed += WINDOW
            return b"\x01"
        return b""

    def run(self, code: bytes) -> bytes:
        printed, error = io.StringIO(), ""
        with contextlib.redirect_stdout(printed):
            try:
                exec(compile(code, "<stdin>", "exec"), self.names)
            except Exception:
                error = traceback.format_exc().replace("\n", "\r\n")
        text = printed.getvalue().replace("\n", "\r\n")
        return b"\x04".join((text.encode(), error.encode(), b">"))


@pytest.fixture
def device(peer):
    """A board with raw paste, and what it is on the other side."""
    behind = Device()
    with Board.open(peer(behind).port, room=60, patience=2.0) as board:
        assert board.repl.probe_raw_paste()
        yield board, behind


@given(st.text(st.characters(codec="utf-8"), max_size=300))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_text_of_any_length_arrives_within_the_window(device, text):
    board, behind = device
    assert board.exec(f"x={text!r}\nprint(len(x))") == f"{len(text)}\n"
    assert behind.names["x"] == text
    assert not behind.overrun


def test_control_characters_in_code_are_staged(device):
    board, behind = device
    board.exec("x='a\x03b\x04c'")
    assert behind.names["x"] == "a\x03b\x04c"
    assert not behind.overrun


def test_errors_have_our_names(device):
    board, _ = device
    with pytest.raises(ScriptError, match=r"ZeroDivisionError.*long\.py line 101"):
        board.exec("#\n" * 100 + "1/0", name="long.py")


def test_one_program_after_the_other(device):
    board, _ = device
    for number in range(20):
        padding = " " * 10 * number
        assert board.exec(f"print({number}){padding}") == f"{number}\n"
