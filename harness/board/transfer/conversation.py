"""A program on the board that is talked to while it runs."""

from __future__ import annotations

import re

from harness.board import on_board
from harness.board.answers import DamagedAnswerError, answers
from harness.board.failures import ScriptError, SilentBoardError, with_our_names
from harness.board.port import BAUD, Deadline
from harness.board.raw_repl import INTERRUPT
from harness.board.repl import INIT_END, RawRepl
from harness.board.scripts import script
from harness.errors import BoardError

_SCRIPT = "receiver.py"
# The board changes its speed this long after it has said so, and waits for us afterwards.
_SETTLE_S = 0.05
_END_S = 2.0
# Longer than the board's program waits before it gives up and goes back to 115200 baud.
_RECOVER_S = 4.0
# A boot is over by then.
_AGAIN_S = 3.2


class Conversation:
    """One run of a function of `device_scripts/receiver.py`. A context manager.

    It ends with the board at its prompt and both ends at 115200 baud, or raises.

    Args:
        repl: The board's prompt.
        call: What to run; short.

    Attributes:
        restarted: Whether the board has started again instead, and nothing is defined there.
    """

    def __init__(self, repl: RawRepl, call: str) -> None:
        self._repl, self._line = repl, repl.line
        self._line.drain(0.0, _SETTLE_S)
        self._reply = repl.start(on_board.guarded(call).encode())
        self._text = bytearray()
        self.restarted = False

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def done(self) -> bool:
        """Whether the program has ended."""
        return self._reply.done or self.restarted

    @property
    def baud(self) -> int:
        """Bits a second, now."""
        return self._line.baud

    def say(self, line: bytes) -> None:
        """Send a line."""
        self._line.write(line)

    def hear(self, seconds: float) -> list[bytes]:
        """Return the lines that came whole within `seconds`, without waiting for more."""
        if not self.done:
            self._text += self._reply.feed(self._line.read(seconds))
        *lines, rest = bytes(self._text).split(b"\n")
        self._text = bytearray(rest)
        self.restarted |= any(INIT_END in line and line[:1] not in (b"R", b"B") for line in lines)
        return lines

    def answers(self, seconds: float) -> list[str]:
        """Return the texts of the answers that came within `seconds`; may be none."""
        return [text for line in self.hear(seconds) for text in texts(line)]

    def raised(self, baud: int, trial: bytes, seconds: float = 1.2) -> bool:
        """Follow the board to another speed, and say whether a trial comes through at it."""
        if not self.hears(f"b {baud}", seconds):
            return False
        self._line.baud = baud
        deadline = Deadline(seconds)
        self._line.drain(_SETTLE_S, _SETTLE_S)
        while not deadline.passed and not self.done:
            self.say(trial)
            if "p" in self.answers(0.25):
                return True
        return False

    def bears(self, trial: bytes, attempts: int = 3) -> bool:
        """Say whether a trial comes through."""
        for _ in range(attempts):
            self.say(trial)
            if self.hears("p", 0.4):
                return True
        return False

    def hears(self, wanted: str, seconds: float) -> bool:
        """Say whether an answer that begins so comes within `seconds`."""
        deadline = Deadline(seconds)
        while not deadline.passed and not self.done:
            if any(text.startswith(wanted) for text in self.answers(deadline.left)):
                return True
        return False

    def check(self) -> None:
        """Raise what the program ended with, if it was an exception.

        Raises:
            ScriptError: It raised one.
        """
        if self._reply.error:
            text = self._reply.error.decode(errors="backslashreplace")
            error = ScriptError(with_our_names(text, _SCRIPT, staged=True), _SCRIPT)
            if error.kind != "KeyboardInterrupt":  # which is ours
                raise error

    def _end(self) -> None:
        """Bring the program to its end, and both ends back to 115200 baud."""
        if self.restarted:
            self._line.baud = BAUD
            return
        try:
            slow = self._line.baud == BAUD
            if self._ended(0.3) if slow else self._lowered():
                self._line.write(INTERRUPT)  # what came too late for the program is no command
                return
            self._line.baud = BAUD
            self._repl.enter(_AGAIN_S if slow else _RECOVER_S)
        except BoardError:
            if not self._line_gone():
                self._line.baud = BAUD
            raise

    def _ended(self, seconds: float) -> bool:
        deadline = Deadline(seconds)
        while not self.done and not deadline.passed:
            self.hear(deadline.left)
        return self.done

    def _lowered(self) -> bool:
        """Wait until the board says that it goes back, and follow it."""
        for interrupt in (False, True):
            if interrupt:
                self.say(INTERRUPT)
            deadline = Deadline(0.3)
            while not deadline.passed:
                if "d" in self.answers(deadline.left):
                    self._line.baud = BAUD
                    return self._ended(_END_S)
        return False

    def _line_gone(self) -> bool:
        try:
            self._line.read(0.0)
        except BoardError:
            return True
        return False


def texts(line: bytes) -> list[str]:
    """Return the texts of the answers in a line; none where it is damaged, the next says more."""
    try:
        return list(answers(line.decode(errors="replace")))
    except DamagedAnswerError:
        return []


def silent(url: str, what: str) -> SilentBoardError:
    """Return the error for a board that says nothing more."""
    return SilentBoardError(
        f"the board on {url} says nothing more while {what}",
        "send the file again: it goes on from where it is",
    )


def receiver() -> str:
    """Return `device_scripts/receiver.py` as it travels: without comments, and indented by one."""
    lines = [line for line in script(_SCRIPT).splitlines() if line.strip()]
    kept = [line for line in lines if not line.lstrip().startswith("#")]
    return "\n".join(re.sub("^ +", lambda found: " " * (len(found[0]) // 4), line) for line in kept)
