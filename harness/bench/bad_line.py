"""A line that is cut, or loses and garbles blocks and answers, by a seed; between loader and port.

Struck are lines with blocks, and answers to them, so that a share of 5 % is one of blocks. Faults
anywhere on the line are the virtual board's, see `harness.board.virtual.fault_plan`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from harness.board.board import Board
from harness.board.transfer import PART
from harness.board.transfer.frames import DEFLATED, STORED, opened
from harness.board.virtual import VirtualBoard
from harness.errors import BoardError

MOST_BYTES = 16 * 1024
# Bytes of lines that the loader may have under way at 115200 baud.
WINDOW = 2048
CUT = "the board is gone (cut on purpose)"
_REBOOT_S = 10.0


class BadLine:
    """What stands in for a `SerialLine`.

    Args:
        line: The good one.
        rng: What happens.
        cut_after: Bytes of lines with blocks after which the port is gone; None for never.
        share: Of blocks, and of answers, that are lost or garbled.
        on_block: Who is told of each block before it goes.

    Attributes:
        file_bytes: Bytes of the file that were sent, again or not.
        struck: Blocks and answers that were lost or garbled.
    """

    def __init__(
        self,
        line: Any,  # noqa: ANN401  a SerialLine, or what stands in for one
        rng: random.Random,
        cut_after: int | None = None,
        share: float = 0.0,
        on_block: Callable[[], None] = lambda: None,
    ) -> None:
        self._line, self._rng, self._left, self._share = line, rng, cut_after, share
        self._on_block = on_block
        self.file_bytes = self.struck = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever the line has
        return getattr(self._line, name)

    @property
    def baud(self) -> int:
        """Bits a second."""
        return int(self._line.baud)

    @baud.setter
    def baud(self, value: int) -> None:
        self._line.baud = value

    def write(self, data: bytes) -> None:
        """Send bytes, unless they are struck."""
        self._refuse()
        frame = opened(data[:-1])
        if frame is None or frame.kind not in (STORED, DEFLATED):
            self._line.write(data)
            return
        self._on_block()
        self.file_bytes += len(frame.data)
        if self._left is not None:
            self._line.write(data[: self._left])
            self._left = max(0, self._left - len(data))
            self._refuse()
        elif data := self._bad(data):
            self._line.write(data)

    def read(self, seconds: float) -> bytes:
        """Return bytes, unless they are struck."""
        self._refuse()
        data: bytes = self._line.read(seconds)
        return self._bad(data) if b"k210:" in data and b":a " in data else data

    def _refuse(self) -> None:
        if self._left == 0:
            raise BoardError(CUT)

    def _bad(self, data: bytes) -> bytes:
        if self._rng.random() >= self._share:
            return data
        self.struck += 1
        at = self._rng.randrange(len(data))
        what = self._rng.randrange(3)
        if what == 0:
            return b""
        if what == 1:  # a few bytes are lost, perhaps the end of the line
            return data[:at] + data[at + self._rng.randint(1, 40) :]
        return data[:at] + bytes([data[at] ^ (0x80 | self._rng.randrange(128))]) + data[at + 1 :]


def some_file(rng: random.Random) -> bytes:
    """Return a file that does not compress."""
    return rng.randbytes(rng.randint(1, MOST_BYTES))


def cut_once(board: VirtualBoard, seed: int, reset: bool) -> int:
    """Send a file over a line that is cut, and again over another.

    Args:
        board: An unpaced one with a card.
        seed: Of the file, and of where it is cut.
        reset: Whether the board starts again in between.

    Returns:
        How many bytes of the file went twice.

    Raises:
        BoardError: The file does not arrive whole.
    """
    rng = random.Random(seed)
    data, path = some_file(rng), f"/sd/{seed % 7}.bin"
    with Board.open(board.port) as first:
        bad = BadLine(first.repl.line, rng, rng.randint(1, len(data)))
        first.repl.line = bad  # type: ignore[assignment]
        try:
            first.write(path, data)
        except BoardError as error:
            if error.cause != CUT:
                raise
    if reset:
        board.press_reset()
    with Board.open(board.port, patience=_REBOOT_S) as second:
        good = BadLine(second.repl.line, rng)
        second.repl.line = good  # type: ignore[assignment]
        second.write(path, data)
    check_arrived(board, path, data)
    return bad.file_bytes + good.file_bytes - len(data)


def send_badly(board: VirtualBoard, seed: int, share: float) -> int:
    """Send a file over a line that strikes a share of its blocks and answers; return how many.

    Raises:
        BoardError: The file does not arrive whole.
    """
    rng = random.Random(seed)
    data, path = some_file(rng), "/sd/bad.bin"
    with Board.open(board.port) as opened_board:
        bad = BadLine(opened_board.repl.line, rng, share=share)
        opened_board.repl.line = bad  # type: ignore[assignment]
        opened_board.write(path, data)
    check_arrived(board, path, data)
    return bad.struck


def check_arrived(board: VirtualBoard, path: str, data: bytes) -> None:
    """See on the host that a board has these bytes, and nothing of them under another name.

    Raises:
        BoardError: It has something else.
    """
    assert board.sd
    there = board.sd / path.removeprefix("/sd/")
    if not there.exists() or there.read_bytes() != data:
        raise BoardError(f"{path} on the virtual board is not what was sent")
    if list(board.sd.glob(f"*{PART}")):
        raise BoardError(f"the beginning of {path} still lies on the virtual board")
