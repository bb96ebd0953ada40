"""Files of a board: listed, removed, and how much room there is. Written with eval and exec."""

from __future__ import annotations

from dataclasses import dataclass

from harness.board import on_board
from harness.board.board import Board
from harness.board.failures import ScriptError
from harness.board.transfer import ask_of, file_error, settle
from harness.errors import BoardError


@dataclass(frozen=True)
class Entry:
    """What a folder on a board holds.

    Attributes:
        name: Without the folder.
        is_folder: SPIFFS (/flash) has none.
        size: Bytes; -1 where the firmware does not say.
    """

    name: str
    is_folder: bool
    size: int


@dataclass(frozen=True)
class FileSystem:
    """One mounted file system.

    Attributes:
        path: Such as "/flash", "/sd".
        size: Bytes in all.
        free: Bytes left.
    """

    path: str
    size: int
    free: int


def listed(board: Board, folder: str = "/") -> tuple[Entry, ...]:
    """Return what is in a folder, by name.

    Raises:
        BoardError: There is no such folder.
    """
    board.need(on_board.LIST)
    try:
        found = board.eval(f"_k210l({folder!r})")
    except ScriptError as error:
        raise file_error(error, folder) from error
    return tuple(sorted((Entry(*entry) for entry in found), key=lambda entry: entry.name))


def remove(board: Board, path: str) -> None:
    """Remove a file, or an empty folder.

    Raises:
        BoardError: It is not there, or a folder that is not empty.
    """
    code = (
        f"import os\ntry:\n os.remove({path!r})\n"
        f"except OSError:\n"
        f" if not hasattr(os,'rmdir'):\n  raise\n os.rmdir({path!r})\n"
        "_k210('gone')"
    )
    try:
        settle(board, path)
        ask_of(board, code, most=1)
    except ScriptError as error:
        known = file_error(error, path)
        if known is not error:
            raise known from error
        raise BoardError(
            f"{path} on the board cannot be removed ({error.kind}: {error.message})",
            "a folder has to be empty first",
            output=error.traceback,
        ) from error


def file_systems(board: Board) -> tuple[FileSystem, ...]:
    """Return the mounted file systems and the room that is left now."""
    board.need(on_board.FILE_SYSTEMS)
    return tuple(FileSystem(*found) for found in board.eval("_k210v()"))
