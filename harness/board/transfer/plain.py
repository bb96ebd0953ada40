"""The plain transfer: one block at a time, through the raw REPL of any MicroPython."""

from __future__ import annotations

import ast
import base64
import zlib
from collections.abc import Iterator

from harness.board import on_board
from harness.board.answers import DamagedAnswerError
from harness.board.failures import ScriptError
from harness.board.transfer.protocol import Link
from harness.board.transfer.steps import (
    BLOCK_S,
    PART,
    ask_of,
    check_hash,
    check_room,
    discard,
    file_error,
    hash_of,
    patience,
    rename,
    retried,
    settle,
)
from harness.progress import SILENT, Progress, Task

# The longest command that carries a block, without the block.
_FRAME = len("_k210w(16777216,4294967295,b'')")
# Raw bytes of one answer.
_READ = 384
_READ_LITERAL = 64
_READ_BLOCKS = 64


class PlainTransfer:
    """Blocks with a checksum each, sent when the one before has arrived, and a hash at the end.

    It works on every MicroPython with `open`, through a raw REPL that drops what comes too fast.
    """

    def write(self, board: Link, path: str, data: bytes, progress: Progress = SILENT) -> None:
        """Put a file onto the board under a name of its own, check its hash, and rename it.

        Raises:
            BoardError: There is no room, or it does not arrive whole.
        """
        settle(board, path)
        check_room(board, path, len(data))
        board.need(on_board.WRITE_BASE64 if board.abilities.base64 else on_board.WRITE_LITERAL)
        part = path + PART if board.abilities.rename else path
        try:
            retried(lambda: _begin(board, part))
            with progress.task(f"put {path}", len(data)) as task:
                for offset, block in _blocks(data, _block_size(board)):
                    retried(lambda o=offset, b=block: _write_block(board, o, b))  # type: ignore[misc]
                    task.advance(len(block))
            board.exec("_k210f.close()")
            check_hash(board, part, data)
            rename(board, part, path)
        except BaseException as error:
            discard(board, part)
            if isinstance(error, ScriptError):
                raise file_error(error, path) from error
            raise

    def read(self, board: Link, path: str, progress: Progress = SILENT) -> bytes:
        """Return a file of the board, after its hash has been compared.

        Raises:
            BoardError: It is not there, or does not come whole.
        """
        board.need(on_board.READ_BASE64 if board.abilities.base64 else on_board.READ_LITERAL)
        try:
            settle(board, path)
            size, _ = hash_of(board, path, 0)
            with progress.task(f"get {path}", size) as task:
                data = b"".join(_read_blocks(board, path, task))
            check_hash(board, path, data)
        except ScriptError as error:
            raise file_error(error, path) from error
        return data


def _block_size(board: Link) -> int:
    """Return how many raw bytes fit a command: base64 takes 4 for 3, a literal up to 4 for 1."""
    room = board.room - _FRAME - 1
    return max(1, room // 4 * 3 if board.abilities.base64 else room // 4)


def _blocks(data: bytes, step: int) -> Iterator[tuple[int, bytes]]:
    for offset in range(0, len(data), step):
        yield offset, data[offset : offset + step]


def _begin(board: Link, part: str) -> None:
    if "new" not in ask_of(board, f"_k210f=open({part!r},'wb');_k210n=0;_k210('new')"):
        raise DamagedAnswerError(f"the call that begins {part} came damaged")


def _write_block(board: Link, offset: int, block: bytes) -> None:
    coded = base64.b64encode(block) if board.abilities.base64 else block
    code = f"_k210w({offset},{zlib.crc32(block)},{coded!r})"
    (there,) = board.ask(code, timeout=BLOCK_S, most=1)
    if int(there) != offset + len(block):
        raise DamagedAnswerError(f"a block at byte {offset} arrived damaged", "check the cable")


def _read_blocks(board: Link, path: str, task: Task) -> Iterator[bytes]:
    """Yield the file in batches; one that comes damaged is read again from its beginning."""
    decode = base64.b64decode if board.abilities.base64 else ast.literal_eval
    size = _READ if board.abilities.base64 else _READ_LITERAL
    batch = _READ_BLOCKS if board.abilities.base64 else 1
    done = 0

    def go_on() -> list[str]:
        return board.ask(f"_k210r(_k210f,{size},{batch})", timeout=patience(size * batch))

    def start_again() -> list[str]:
        board.exec(f"_k210f=open({path!r},'rb')")
        board.exec(f"for _ in range({done}): _k210f.read({size})", timeout=patience(size * done))
        return go_on()

    texts = retried(start_again)
    while True:
        for text in texts:
            data = decode(text)
            task.advance(len(data))
            yield data
        done += len(texts)
        if len(texts) < batch:
            board.exec("_k210f.close()")
            return
        texts = retried(go_on, start_again)
