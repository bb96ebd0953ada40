"""What comes from the board while a file travels: blocks, or what it says it has."""

from __future__ import annotations

import time

from harness.board.port import Deadline
from harness.board.transfer.conversation import Conversation
from harness.board.transfer.frames import STORED, WISH, line, opened
from harness.board.transfer.pace import Pace
from harness.board.transfer.wishes import Wishes
from harness.progress import Task

# A silent board is given up after this, and looked for at its prompt for 4 s.
SILENCE_S = 3.5


def listen(talk: Conversation, wishes: Wishes, pace: Pace, task: Task) -> None:
    """Ask until all is here, the program ends, or nothing comes any more."""
    began, gained, silence = time.monotonic(), 0, Deadline(SILENCE_S)
    while wishes.missing and not talk.done and not silence.passed:
        while (wish := wishes.next()) is not None:
            count = wish.count.to_bytes(2, "little")
            talk.say(line(WISH, wish.offset, count, raw=False))
        size = _taken(talk, wishes, Deadline(pace.wait_s + 2 * wishes.step * 14 / pace.baud))
        if size:
            silence, gained = Deadline(SILENCE_S), gained + size
            rate = gained / 1000 / max(1e-3, time.monotonic() - began)
            task.advance(size, f"{rate:.1f} KB/s")
        else:
            wishes.timed_out()


def _taken(talk: Conversation, wishes: Wishes, deadline: Deadline) -> int:
    """Return how many bytes came; 0 after silence."""
    size = 0
    while not size and not deadline.passed and not talk.done:
        for text in talk.hear(deadline.left):
            frame = opened(text.removesuffix(b"\r"))
            if frame is not None and frame.kind == STORED:
                size += wishes.came(frame.offset, frame.data)
    return size


def acknowledgements(talk: Conversation, seconds: float) -> list[list[int]]:
    """Return what the board says it has; [] after silence.

    Each is the number of the last question that it has read, how far it has the file, and the
    offsets of blocks behind that.
    """
    deadline = Deadline(seconds)
    while not deadline.passed and not talk.done:
        heard = [text.split()[1:] for text in talk.answers(deadline.left) if text[:2] == "a "]
        if heard:
            return [list(map(int, words)) for words in heard]
    return []
