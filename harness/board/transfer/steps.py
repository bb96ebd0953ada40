"""The steps that every way of transfer has: room, hash, rename, and what an error means."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from typing import TypeVar

from harness.board import on_board, raw_repl
from harness.board.answers import DamagedAnswerError
from harness.board.failures import OverdueError, RefusedError, ScriptError
from harness.board.transfer.protocol import Link
from harness.errors import BoardError

ATTEMPTS = 3
PART = ".part"
# SPIFFS may tidy up in the middle of a write.
BLOCK_S = 10.0
# SPIFFS on a K210 reads slowly: our choice, to be checked on a board.
_HASH_BYTES_PER_S = 50_000
_FOLDER = 0x4000
_IS_FOLDER = ("{} is a folder on the board", "name a file in it; k210 board ls lists them")

# What our own code on the board raises only where the line has damaged it, or a reset taken it.
_DAMAGE = (
    "AttributeError",
    "IndentationError",
    "IndexError",
    "KeyError",
    "NameError",
    "SyntaxError",
    "TypeError",
    "ValueError",
)

Result = TypeVar("Result")


def hash_of(board: Link, path: str, size: int) -> tuple[int, str]:
    """Return size and hash of a file on the board; `size` tells how long that may take."""
    board.need(on_board.HASH_SHA256 if board.abilities.sha256 else on_board.HASH_CRC32)
    call = f"_k210h({path!r})"
    (text,) = retried(lambda: ask_of(board, call, patience(size), most=1))
    count, digest = text.split()
    return int(count), digest


def ask_of(board: Link, call: str, seconds: float = BLOCK_S, most: int | None = None) -> list[str]:
    """Return the answers to a call, which is made only if it came as it was sent.

    A board with a small ring, such as a micro:bit, has no heap for a call within a call either: it
    is asked as it is.

    Raises:
        DamagedAnswerError: There are fewer than `most`, or one came damaged.
    """
    if board.room < raw_repl.ROOM:
        return board.ask(call, seconds, most)
    board.need(on_board.GUARD)
    return board.ask(on_board.guarded(call), seconds, most)


def size_of(board: Link, path: str) -> int | None:
    """Return the size of a file on the board; None where there is none.

    A renaming that a reset has cut is undone or ended before.

    Raises:
        RefusedError: It is a folder.
    """
    mode, size = _stat(board, path)
    if mode & _FOLDER:
        cause, remedy = _IS_FOLDER
        raise RefusedError(cause.format(path), remedy)
    return size if size >= 0 else None


def settle(board: Link, path: str) -> None:
    """Undo or end a renaming that a reset has cut, on boards that rename."""
    if board.abilities.rename and board.abilities.stat:
        _stat(board, path)


def _stat(board: Link, path: str) -> tuple[int, int]:
    board.need(on_board.STAT)
    (text,) = retried(lambda: ask_of(board, f"_k210s({path!r})", most=1))
    mode, size = map(int, text.split())
    return mode, size


def has(board: Link, path: str, data: bytes) -> bool:
    """Say whether a file on the board is these bytes; the board reads all of it."""
    return hash_of(board, path, len(data)) == told_of(board, data)


def check_hash(board: Link, path: str, data: bytes) -> None:
    """Compare a file on the board with what it should be.

    Raises:
        BoardError: It is something else.
    """
    refuse_another(board, path, data, hash_of(board, path, len(data)))


def refuse_another(board: Link, path: str, data: bytes, told: tuple[int, str]) -> None:
    """Compare bytes with size and hash that the board told of a file.

    Raises:
        BoardError: They are something else.
    """
    if told != told_of(board, data):
        raise BoardError(
            f"{path} on the board is not what was sent or read",
            "its storage may be worn or full; k210 board df shows the room",
        )


def told_of(board: Link, data: bytes) -> tuple[int, str]:
    """Return what `hash_of` is of a file that is these bytes."""
    sha256 = board.abilities.sha256
    return len(data), hashlib.sha256(data).hexdigest() if sha256 else f"{zlib.crc32(data):08x}"


def check_room(board: Link, path: str, size: int) -> None:
    """See that there is room for so many bytes more, where the firmware says.

    Raises:
        RefusedError: There is none, or no such folder.
    """
    if not board.abilities.statvfs:
        return
    folder = path.rpartition("/")[0] or "."
    try:
        code = f"import os\nv=os.statvfs({folder!r})\n_k210(str(v[0]*v[3]))"
        (text,) = retried(lambda: ask_of(board, code, most=1))
    except ScriptError as error:
        if error.kind == "OSError":
            raise RefusedError(
                f"there is no folder {folder} on the board", "k210 board df lists file systems"
            ) from error
        raise
    if size > int(text):
        raise RefusedError(
            f"{path} needs {size} bytes, and {folder} on the board has {text} left",
            "remove files with k210 board rm, or use /sd",
        )


def rename(board: Link, part: str, path: str) -> None:
    """Give a file that came whole its name, and no other.

    What had the name before is there until then: a reset in between leaves one of the two, see
    `settle`.
    """
    if part == path:
        return
    board.need(on_board.RENAME)

    def work() -> None:
        if "done" not in ask_of(board, f"_k210m({part!r},{path!r})"):
            raise DamagedAnswerError(f"the call that gives {path} its name came damaged")

    retried(work)


def discard(board: Link, part: str) -> None:
    """Remove what was half-written; what went wrong before counts more than this."""
    try:
        ask_of(
            board,
            f"import os\ntry:\n _k210f.close()\nexcept Exception:\n pass\nos.remove({part!r})",
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
        "21": _IS_FOLDER,
        "EISDIR": _IS_FOLDER,
    }
    if error.kind == "OSError":
        for word in error.message.replace("[", " ").replace("]", " ").split():
            if word in causes:
                cause, remedy = causes[word]
                return RefusedError(cause.format(path), remedy, output=error.traceback)
        if not error.message or error.message == "file not found":
            return RefusedError(
                f"there is no {path} on the board", "k210 board ls shows what is there"
            )
    return error


def patience(size: int) -> float:
    """Return how many seconds a board may take to read so many bytes."""
    return BLOCK_S + size / _HASH_BYTES_PER_S


def retried(work: Callable[[], Result], again: Callable[[], Result] | None = None) -> Result:
    """Return what `work` gives; where the line damaged something, what `again` gives then."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return work()
        except (DamagedAnswerError, OverdueError):
            if attempt == ATTEMPTS:
                raise
            work = again or work
        except ScriptError as error:
            # A lost byte of a command is a syntax error there, and nothing has been done.
            if error.kind != "SyntaxError" or attempt == ATTEMPTS:
                raise
            work = again or work
    raise AssertionError("unreachable")


def surely(board: Link, work: Callable[[], Result]) -> Result:
    """Return what `work` gives; from the prompt on where the line has damaged what defines it."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return work()
        except (DamagedAnswerError, OverdueError, ScriptError) as error:
            lasting = isinstance(error, ScriptError) and error.kind not in _DAMAGE
            if attempt == ATTEMPTS or lasting:
                raise
            start_again(board)
    raise AssertionError("unreachable")


def start_again(board: Link) -> None:
    """Reach the prompt of a board that may have been reset in the middle."""
    board.repl.enter()
    board.forget()


def beginning(board: Link, path: str, data: bytes) -> int:
    """Return how many bytes of a file on the board are those of `data`; 0 where there is none."""
    board.need(on_board.BEGINNINGS)

    def ask() -> list[str]:
        texts = ask_of(board, f"_k210q({path!r})", patience(len(data)))
        if len(texts) < 2 or texts[-1] != "end":
            raise DamagedAnswerError("the board's answer came damaged")
        return texts

    size, *found = retried(ask)
    good, crc, at = 0, 0, 0
    for text in found[:-1]:
        count, wanted = map(int, text.split())
        if count > len(data):
            break
        crc, at = zlib.crc32(data[at:count], crc), count
        good = count if crc == wanted else good
    return good if int(size) <= len(data) else 0
