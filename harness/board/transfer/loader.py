"""The loader: windows of blocks to a receiver on the board, from where the last attempt ended."""

from __future__ import annotations

import time
from collections.abc import Iterable

from harness.board import on_board
from harness.board.failures import ScriptError
from harness.board.port import BAUD, Deadline
from harness.board.transfer.conversation import Conversation, receiver, silent
from harness.board.transfer.frames import END, blocks, line, question, trial
from harness.board.transfer.hearing import SILENCE_S, acknowledgements, listen
from harness.board.transfer.pace import SLOW, Pace, fast
from harness.board.transfer.plain import PlainTransfer
from harness.board.transfer.protocol import Link
from harness.board.transfer.steps import (
    PART,
    beginning,
    check_room,
    discard,
    file_error,
    has,
    hash_of,
    refuse_another,
    rename,
    size_of,
    start_again,
    surely,
    told_of,
)
from harness.board.transfer.window import Sender
from harness.board.transfer.wishes import Wishes
from harness.progress import SILENT, Progress, Task

# Speeds that bridges of these boards are reported to bear, the best first.
RATES = (1_500_000, 750_000)
# Changing the speed takes a quarter of a second, in which a slow line carries 3 KB.
FAST_FROM = 32 * 1024
# Attempts in a row that bring no byte further.
ATTEMPTS = 3
# Bytes of a block that a board gives: it reads and sends one at a time.
_GET_STEP = 1024
_MOST_WAIT_S = 1.0
# A line that loses more than every fourth block is too fast for somebody.
_BAD_LINE = 0.25
_BAD_BLOCKS = 8


class Loader:
    """Transfers through `device_scripts/receiver.py`; plain ones where a board cannot run it.

    Blocks have a CRC32 each, several are under way at once, and only those that were lost go
    again. A file that the board has already is not sent, one that was begun goes on, and it gets
    its name when its hash is right.

    Args:
        rates: Speeds to try for longer files, in turn; () to stay at 115200 baud.
        deflate: Whether to deflate what gets shorter.

    Attributes:
        sent: Bytes of lines that the last transfer sent.
        lost: Blocks that it had to send again.
        resumed: Where in the file it began.
    """

    def __init__(self, rates: Iterable[int] = RATES, deflate: bool = True) -> None:
        self._rates = list(rates)
        self._deflate = deflate
        self._raw: bool | None = None
        self.sent = self.lost = self.resumed = 0

    def write(self, board: Link, path: str, data: bytes, progress: Progress = SILENT) -> None:
        """Put a file onto the board, whole or not at all; again after a failure goes on.

        Raises:
            BoardError: There is no room, or it does not arrive whole.
        """
        self.sent = self.lost = self.resumed = 0
        if not surely(board, lambda: board.abilities.receiver):
            return PlainTransfer().write(board, path, data, progress)
        try:
            surely(board, lambda: self._write(board, path, data, progress))
        except ScriptError as error:
            discard(board, path + PART)
            raise file_error(error, path) from error
        return None

    def _write(self, board: Link, path: str, data: bytes, progress: Progress) -> None:
        if self._is_there(board, path, data):
            progress.say(f"{path} is on the board already")
            return
        self._send(board, path, data, progress)
        rename(board, path + PART, path)

    def read(self, board: Link, path: str, progress: Progress = SILENT) -> bytes:
        """Return a file of the board, after its hash has been compared.

        Raises:
            BoardError: It is not there, or does not come whole.
        """
        if not surely(board, lambda: board.abilities.receiver):
            return PlainTransfer().read(board, path, progress)
        try:
            return surely(board, lambda: self._read(board, path, progress))
        except ScriptError as error:
            raise file_error(error, path) from error

    def _read(self, board: Link, path: str, progress: Progress) -> bytes:
        size, digest = hash_of(board, path, size_of(board, path) or 0)
        with progress.task(f"get {path}", size) as task:
            data = self._fetch(board, path, size, task)
        refuse_another(board, path, data, (size, digest))
        return data

    def _fetch(self, board: Link, path: str, size: int, task: Task) -> bytes:
        """Return a file, asked for in as many attempts as bring it further."""
        wishes, failures = Wishes(size, _GET_STEP), 0
        while wishes.missing:
            before = wishes.missing
            self._get(board, path, wishes, task)
            failures = 0 if wishes.missing < before else failures + 1
            if wishes.missing:
                start_again(board)
            if failures > ATTEMPTS:
                raise silent(board.repl.line.url, f"{path} is fetched")
        return bytes(wishes.data)

    def _get(self, board: Link, path: str, wishes: Wishes, task: Task) -> None:
        """Run the giver once, for what is missing."""
        pace = self._pace(board, wishes.missing * wishes.step)
        board.need(on_board.GUARD)
        board.need(receiver())
        raised = pace.baud if pace.baud != BAUD else 0
        call = f"_k210give({path!r},{wishes.step},{raised},{pace.ring})"
        with Conversation(board.repl, call) as talk:
            if raised and not talk.raised(raised, trial()):
                self._rates.remove(raised)
                return
            if self._raw is not False:
                self._raw = talk.bears(trial())
            listen(talk, wishes, pace, task)
            talk.say(line(END, 0, b"", raw=False))
        if talk.restarted:
            start_again(board)
        talk.check()

    def _is_there(self, board: Link, path: str, data: bytes) -> bool:
        return size_of(board, path) == len(data) and has(board, path, data)

    def _send(self, board: Link, path: str, data: bytes, progress: Progress) -> None:
        """Send what is missing, in as many attempts as bring it further, till the hash is right."""
        part, failures = path + PART, 0
        self.resumed = begun = beginning(board, part, data)
        check_room(board, path, len(data) - begun)
        with progress.task(f"put {path}", len(data)) as task:
            task.advance(begun)
            while True:
                whole = self._attempt_or_less(board, part, data, begun, task)
                told = hash_of(board, part, len(data)) if whole else None
                if told == told_of(board, data):
                    return
                there, begun = begun, beginning(board, part, data)
                failures = 0 if begun > there else failures + 1
                if failures <= ATTEMPTS:
                    continue
                if told:
                    refuse_another(board, part, data, told)
                raise silent(board.repl.line.url, f"{path} is sent")

    def _attempt_or_less(self, board: Link, part: str, data: bytes, start: int, task: Task) -> bool:
        """Run the receiver once; a board without memory for it gets no deflated blocks again."""
        try:
            whole = self._attempt(board, part, data, start, task)
        except ScriptError as error:
            if error.kind != "MemoryError" or not self._deflate:
                raise
            whole = self._deflate = False
        if not whole:
            start_again(board)
        return whole

    def _attempt(self, board: Link, part: str, data: bytes, start: int, task: Task) -> bool:
        """Run the receiver once, from where the file is there; say whether all went."""
        pace = self._pace(board, len(data) - start)
        board.need(on_board.GUARD)
        board.need(receiver())
        raised = pace.baud if pace.baud != BAUD else 0
        mode = "r+b" if start else "wb"
        call = f"_k210receive({part!r},{mode!r},{start},{len(data)},{raised},{pace.ring})"
        with Conversation(board.repl, call) as talk:
            if raised and not talk.raised(raised, trial()):
                self._rates.remove(raised)
                return False
            listens = bool(raised) or talk.hears("a", SILENCE_S)
            if listens and start < len(data):
                if self._raw is None:
                    self._raw = bool(raised) or talk.bears(trial())
                self._follow(talk, sender := self._sender(board, data, start, pace), pace, task)
                listens = sender.done
        talk.check()
        return listens

    def _sender(self, board: Link, data: bytes, start: int, pace: Pace) -> Sender:
        raw, deflate = bool(self._raw), self._deflate and board.abilities.deflate
        step = pace.step if raw else pace.step * 3 // 4
        return Sender(blocks(data, start, step, raw, deflate), pace.window)

    def _pace(self, board: Link, size: int) -> Pace:
        # What is behind a plain socket does not change its speed with us.
        steady = board.repl.line.url.startswith("socket://")
        if size < FAST_FROM or not self._rates or steady:
            return SLOW
        return fast(self._rates[0])

    def _follow(self, talk: Conversation, sender: Sender, pace: Pace, task: Task) -> None:
        """Keep the window full until all is there, the program ends, or nothing comes any more."""
        began, gained, wait = time.monotonic(), 0, pace.wait_s
        silence = Deadline(SILENCE_S)
        while not sender.done and not talk.done and not silence.passed:
            while (block := sender.next()) is not None:
                talk.say(block.line)
            heard = acknowledgements(talk, wait)
            if not heard:
                talk.say(question(sender.number))
                wait = min(_MOST_WAIT_S, wait * 2)
            for through, arrived, *held in heard:
                silence, wait = Deadline(SILENCE_S), pace.wait_s
                size = sender.acknowledged(arrived, held, through)
                gained += size
                rate = gained / 1000 / max(1e-3, time.monotonic() - began)
                task.advance(size, f"{rate:.1f} KB/s")
            if pace.baud != BAUD and sender.lost > _BAD_BLOCKS + _BAD_LINE * sender.number:
                self._rates.remove(pace.baud)
                break
        self.sent += sender.sent
        self.lost += sender.lost
