"""What goes wrong on a board, told apart."""

from __future__ import annotations

import re

from harness.board.kpu_errors import kpu_error, out_of_memory
from harness.errors import BoardError

_FRAME = re.compile(r'^  File "([^"]*)", line (\d+)', re.MULTILINE)
_DEFAULT_NAMES = ("<stdin>", "<string>")
_REMEDIES = {
    "MemoryError": "the board's heap is too small for it: send less at a time, or soft-reset first",
    "ImportError": "this firmware lacks a module that the script needs; k210 board info lists them",
}


class ScriptError(BoardError):
    """Code on the board raised an exception.

    Args:
        traceback: What the board printed, with the names and lines of our own files.
        name: What the code is called.

    Attributes:
        kind: Name of the exception, such as "OSError".
        message: Its text.
        code: Number of the KPU module's error, 2001 to 2015; None where it is another.
        line: Line of `name` where it happened; None where no frame is in it.
    """

    def __init__(self, traceback: str, name: str) -> None:
        self.traceback = traceback
        self.kind, self.message = _exception(traceback)
        frames = _FRAME.findall(traceback)
        self.line = next((int(line) for file, line in reversed(frames) if file == name), None)
        where = ", from ".join(f"{file} line {line}" for file, line in reversed(frames)) or name
        said = f"{self.kind}: {self.message}" if self.message else self.kind
        cause, remedy = f"error on the board: {said} (in {where})", _REMEDIES.get(self.kind, "")
        known = kpu_error(self.message)
        self.code = known.code if known else None
        if known:
            cause = f"{known.cause} (KPU error {known.code}, {known.name}; in {where})"
            remedy = known.remedy
        elif out_of_memory(self.message):
            remedy = _REMEDIES["MemoryError"]
        super().__init__(cause, remedy, output=traceback)


class RefusedError(BoardError):
    """The board works and says no, such as a full file system: the same again gives the same."""


class SilentBoardError(BoardError):
    """The board did not answer in time; it may have to be reset."""


class OverdueError(SilentBoardError):
    """A program was not done in time, and was interrupted: the board itself answers."""


def with_our_names(traceback: str, name: str, staged: bool) -> str:
    """Return a traceback in which frames of the code just sent carry its name.

    Args:
        traceback: As the board printed it.
        name: What the code is called.
        staged: Whether it was gathered on the board first and then executed from there; the
            command that executed it is no part of the script.
    """
    lines = traceback.replace("\r", "").rstrip().splitlines()
    if staged:
        lines = [line for line in lines if '"<stdin>"' not in line]
    text = "\n".join(lines)
    for default in _DEFAULT_NAMES:
        text = text.replace(f'File "{default}"', f'File "{name}"')
    return text


def _exception(traceback: str) -> tuple[str, str]:
    """Return name and text of the exception; a text may have several lines (MaixPy's KPU)."""
    lines = [line for line in traceback.strip().splitlines() if line.strip()]
    frames = [number for number, line in enumerate(lines) if line.startswith("  File ")]
    rest = lines[frames[-1] + 1 :] if frames else lines[len(lines) > 1 :]
    kind, _, message = " ".join(line.strip() for line in rest).partition(": ")
    return kind.rstrip(":"), message.strip()
