"""Code that is longer than what a board takes at once: gathered on it, block by block."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.board import on_board
from harness.board.answers import DamagedAnswerError

if TYPE_CHECKING:
    from harness.board.board import Board

ATTEMPTS = 3
_WINDOW_BITS = 12
_INFLATE = (
    "from ubinascii import a2b_base64 as a;from uzlib import decompress as d\n"
    f"_k210p=str(d(a(_k210p),-{_WINDOW_BITS}),'utf-8');del a,d;gc.collect()"
)


def stage(board: Board, code: str, name: str) -> bytes:
    """Gather code on the board and return the command that executes it.

    It travels deflated where the firmware unpacks. Every block fits the room that the board has,
    and none is sent before the one in front of it has been taken.

    Args:
        board: At its raw REPL.
        code: MicroPython of any length.
        name: What to call it in tracebacks.

    Raises:
        DamagedAnswerError: It does not arrive whole.
    """
    if code != on_board.ANSWER:
        board.need(on_board.ANSWER)
    is_tool = code in (on_board.ANSWER, on_board.ABILITIES)
    named = not is_tool and board.abilities.compile
    deflates = not is_tool and board.abilities.deflate and board.abilities.base64
    travels = _deflated(code) if deflates else code
    for _ in range(ATTEMPTS):
        board.exec("import gc;_k210p=[];gc.collect()")
        for piece in _pieces(travels, board.room - len("_k210p.append()")):
            board.exec(f"_k210p.append({piece})")
        board.exec("_k210p=''.join(_k210p);gc.collect()")
        if code == on_board.ANSWER or _arrived(board, travels):
            break
    else:
        raise DamagedAnswerError(
            f"{name} did not arrive whole in {ATTEMPTS} attempts", "check the cable"
        )
    if deflates:
        board.exec(_INFLATE)
    command = f"exec(compile(_k210p,{name!r},'exec'))".encode()
    return command if named and len(command) < board.room else b"exec(_k210p)"


def _deflated(code: str) -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, -_WINDOW_BITS)
    return base64.b64encode(packer.compress(code.encode()) + packer.flush()).decode()


def _arrived(board: Board, code: str) -> bool:
    (found,) = board.ask("_k210(str(_k210c(bytes(_k210p,'utf-8'))))", most=1)
    return int(found) & 0xFFFFFFFF == zlib.crc32(code.encode())


def _pieces(code: str, room: int) -> Iterator[str]:
    """Yield code as string literals shorter than `room`."""
    while code:
        size = min(len(code), room)
        while len(ascii(code[:size])) >= room:
            size = max(1, size - max(1, (len(ascii(code[:size])) - room) // 4))
        yield ascii(code[:size])
        code = code[size:]
