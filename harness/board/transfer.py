"""Files to and from a board: what a transfer is, and a plain one."""

from __future__ import annotations

import ast
import base64
import hashlib
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from harness.board import on_board
from harness.board.abilities import Abilities
from harness.board.answers import DamagedAnswerError
from harness.board.failures import ScriptError, SilentBoardError
from harness.errors import BoardError
from harness.progress import SILENT, Progress, Task

ATTEMPTS = 3
PART = ".part"
# SPIFFS may tidy up in the middle of a write.
_BLOCK_S = 10.0
# The longest command that carries a block, without the block.
_FRAME = len("_k210w(16777216,4294967295,b'')")
# Raw bytes of one answer.
_READ = 384
_READ_LITERAL = 64
_READ_BLOCKS = 64
# SPIFFS on a K210 reads slowly: our choice, to be checked on a board.
_HASH_BYTES_PER_S = 50_000

Result = TypeVar("Result")


class Link(Protocol):
    """What a transfer needs of a board."""

    @property
    def room(self) -> int:
        """How many bytes the board surely takes at once."""

    @property
    def abilities(self) -> Abilities:
        """What the firmware offers."""

    def exec(self, code: str, timeout: float = ...) -> str:
        """Run code and return what it printed."""

    def ask(self, code: str, timeout: float = ..., most: int | None = ...) -> list[str]:
        """Run code that gives answers, and return their texts."""

    def need(self, tool: str) -> None:
        """Define one of the `on_board` tools."""


class Transfer(Protocol):
    """A way for files to travel."""

    def write(self, board: Link, path: str, data: bytes, progress: Progress = ...) -> None:
        """Put a file onto the board, whole or not at all."""

    def read(self, board: Link, path: str, progress: Progress = ...) -> bytes:
        """Return a file of the board."""


class PlainTransfer:
    """Blocks with a checksum each, sent when the one before has arrived, and a hash at the end.

    It works on every MicroPython with `open`, through a raw REPL that drops what comes too fast.
    """

    def write(self, board: Link, path: str, data: bytes, progress: Progress = SILENT) -> None:
        """Put a file onto the board under a name of its own, check its hash, and rename it.

        Raises:
            BoardError: There is no room, or it does not arrive whole.
        """
        _check_room(board, path, len(data))
        board.need(on_board.WRITE_BASE64 if board.abilities.base64 else on_board.WRITE_LITERAL)
        part = path + PART if board.abilities.rename else path
        try:
            board.exec(f"_k210f=open({part!r},'wb');_k210n=0")
            with progress.task(f"put {path}", len(data)) as task:
                for offset, block in _blocks(data, _block_size(board)):
                    _retried(lambda o=offset, b=block: _write_block(board, o, b))  # type: ignore[misc]
                    task.advance(len(block))
            board.exec("_k210f.close()")
            _check_hash(board, part, data)
            _rename(board, part, path)
        except BaseException as error:
            _discard(board, part)
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
            size, _ = _hash(board, path, 0)
            with progress.task(f"get {path}", size) as task:
                data = b"".join(_read_blocks(board, path, task))
            _check_hash(board, path, data)
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


def _write_block(board: Link, offset: int, block: bytes) -> None:
    coded = base64.b64encode(block) if board.abilities.base64 else block
    code = f"_k210w({offset},{zlib.crc32(block)},{coded!r})"
    (there,) = board.ask(code, timeout=_BLOCK_S, most=1)
    if int(there) != offset + len(block):
        raise DamagedAnswerError(f"a block at byte {offset} arrived damaged", "check the cable")


def _read_blocks(board: Link, path: str, task: Task) -> Iterator[bytes]:
    """Yield the file in batches; one that comes damaged is read again from its beginning."""
    decode = base64.b64decode if board.abilities.base64 else ast.literal_eval
    size = _READ if board.abilities.base64 else _READ_LITERAL
    batch = _READ_BLOCKS if board.abilities.base64 else 1
    done = 0

    def go_on() -> list[str]:
        return board.ask(f"_k210r(_k210f,{size},{batch})", timeout=_patience(size * batch))

    def start_again() -> list[str]:
        board.exec(f"_k210f=open({path!r},'rb')")
        board.exec(f"for _ in range({done}): _k210f.read({size})", timeout=_patience(size * done))
        return go_on()

    texts = _retried(start_again)
    while True:
        for text in texts:
            data = decode(text)
            task.advance(len(data))
            yield data
        done += len(texts)
        if len(texts) < batch:
            board.exec("_k210f.close()")
            return
        texts = _retried(go_on, start_again)


def _hash(board: Link, path: str, size: int) -> tuple[int, str]:
    """Return size and hash of a file on the board; `size` tells how long that may take."""
    board.need(on_board.HASH_SHA256 if board.abilities.sha256 else on_board.HASH_CRC32)
    (text,) = _retried(lambda: board.ask(f"_k210h({path!r})", timeout=_patience(size), most=1))
    count, digest = text.split()
    return int(count), digest


def _check_hash(board: Link, path: str, data: bytes) -> None:
    sha256 = board.abilities.sha256
    wanted = hashlib.sha256(data).hexdigest() if sha256 else f"{zlib.crc32(data):08x}"
    if _hash(board, path, len(data)) != (len(data), wanted):
        raise BoardError(
            f"{path} on the board is not what was sent or read",
            "its storage may be worn or full; k210 board df shows the room",
        )


def _check_room(board: Link, path: str, size: int) -> None:
    if not board.abilities.statvfs:
        return
    folder = path.rpartition("/")[0] or "."
    try:
        (text,) = board.ask(f"import os\nv=os.statvfs({folder!r})\n_k210(str(v[0]*v[3]))", most=1)
    except ScriptError as error:
        if error.kind == "OSError":
            raise BoardError(
                f"there is no folder {folder} on the board", "k210 board df lists file systems"
            ) from error
        raise
    if size > int(text):
        raise BoardError(
            f"{path} needs {size} bytes, and {folder} on the board has {text} left",
            "remove files with k210 board rm, or use /sd",
        )


def _rename(board: Link, part: str, path: str) -> None:
    if part == path:
        return
    # FAT does not rename onto a file that is there.
    board.exec(
        f"import os\ntry:\n os.remove({path!r})\nexcept OSError:\n pass\n"
        f"os.rename({part!r},{path!r})"
    )


def _discard(board: Link, part: str) -> None:
    """Remove what was half-written; what went wrong before counts more than this."""
    try:
        board.exec(
            f"import os\ntry:\n _k210f.close()\nexcept Exception:\n pass\nos.remove({part!r})",
            timeout=_BLOCK_S,
        )
    except BoardError:
        return


def file_error(error: ScriptError, path: str) -> BoardError:
    """Return what an OSError on the board means for a path; the error itself where unknown."""
    causes = {
        "2": ("there is no {} on the board", "k210 board ls shows what is there"),
        "ENOENT": ("there is no {} on the board", "k210 board ls shows what is there"),
        "28": ("no room for {} on the board", "remove files with k210 board rm, or use /sd"),
        "ENOSPC": ("no room for {} on the board", "remove files with k210 board rm, or use /sd"),
        "19": ("{} is on no file system of the board", "k210 board df lists them"),
        "ENODEV": ("{} is on no file system of the board", "k210 board df lists them"),
    }
    if error.kind == "OSError":
        for word in error.message.replace("[", " ").replace("]", " ").split():
            if word in causes:
                cause, remedy = causes[word]
                return BoardError(cause.format(path), remedy, output=error.traceback)
        if not error.message or error.message == "file not found":
            return BoardError(
                f"there is no {path} on the board", "k210 board ls shows what is there"
            )
    return error


def _patience(size: int) -> float:
    return _BLOCK_S + size / _HASH_BYTES_PER_S


def _retried(work: Callable[[], Result], again: Callable[[], Result] | None = None) -> Result:
    """Return what `work` gives; where the line damaged something, what `again` gives then."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return work()
        except (DamagedAnswerError, SilentBoardError):
            if attempt == ATTEMPTS:
                raise
            work = again or work
        except ScriptError as error:
            # A lost byte of a command is a syntax error there, and nothing has been done.
            if error.kind != "SyntaxError" or attempt == ATTEMPTS:
                raise
            work = again or work
    raise AssertionError("unreachable")
