"""A conversation with MicroPython's raw REPL over a line: enter, run, interrupt, reset, leave."""

from __future__ import annotations

import codecs
from collections.abc import Callable

from harness.board import raw_repl
from harness.board.failures import OverdueError, SilentBoardError
from harness.board.port import Deadline, SerialLine
from harness.board.raw_repl import Reply
from harness.errors import BoardError

Listener = Callable[[str], None]

ENTER_S = 6.0
# MaixPy lets Ctrl-C into its boot for 200 ms only, some time after a reset: keep knocking.
BOOT_S = 3.0
# MaixPy says so when its frozen _boot.py has set the folder and the path, and the 200 ms begin;
# Ctrl-C before that would leave the board half set up.
INIT_END = b"init end"
KNOCK_S = 0.05
INTERRUPT_S = 2.0
SOFT_RESET_S = 15.0
# A REPL says OK before it compiles. One that does not has lost the command, or died.
START_S = 5.0
_ANSWER_S = 0.7
_QUIET_S = 0.05


def silence(text: str) -> None:
    """Listen to nothing."""


class RawRepl:
    """The raw REPL of one board.

    Args:
        line: Where the board is.
        on_log: Who hears what the firmware logs between programs.
        room: How many bytes the board surely takes at once, and so the longest command.
    """

    def __init__(
        self, line: SerialLine, on_log: Listener = silence, room: int = raw_repl.ROOM
    ) -> None:
        self.line = line
        self.room = room
        self._on_log = on_log
        self._raw_paste: bool | None = None

    def enter(self, seconds: float = ENTER_S) -> None:
        """Stop what runs and reach the raw REPL's prompt.

        Raises:
            SilentBoardError: Nothing answers.
            BoardError: Something answers that is no MicroPython.
        """
        deadline, heard = Deadline(seconds), bytearray()
        while not deadline.passed:
            self.line.write(b"\r" + raw_repl.INTERRUPT * 2)
            heard += self.line.drain(_QUIET_S, min(_ANSWER_S, deadline.left))
            self.line.write(raw_repl.RAW)
            answer = self._until(raw_repl.BANNER + raw_repl.PROMPT, min(_ANSWER_S, deadline.left))
            heard += answer
            if answer.endswith(raw_repl.BANNER + raw_repl.PROMPT):
                self._log(bytes(heard))
                return
            if _is_echo(heard):
                break
            heard += self._knock(min(BOOT_S, deadline.left))
        raise _stranger(bytes(heard), self.line.url)

    def run(self, code: bytes, seconds: float, show: Listener = silence) -> Reply:
        """Run one command and return what it gave.

        Args:
            code: What `takes` says yes to.
            seconds: How long it may take.
            show: Who hears what it prints, as it comes.

        Raises:
            SilentBoardError: It was not done in time; it has been interrupted.
        """
        self._log(self.line.drain(0.0, _QUIET_S))
        deadline = Deadline(seconds)
        try:
            fits = len(code) < self.room
            reply = self.start(code) if fits else self._paste(code, deadline)
            self._follow(reply, deadline, show)
        except KeyboardInterrupt:
            self.interrupt()
            raise
        if not reply.done:
            raise self._overdue(reply, seconds)
        self._log(reply.noise)
        return reply

    def takes(self, code: bytes) -> bool:
        """Whether `run` can send this as it is."""
        if any(byte < 32 and byte not in b"\t\n\r" for byte in code):
            return False  # a REPL takes it for a command
        return len(code) < self.room or self.probe_raw_paste()

    def probe_raw_paste(self) -> bool:
        """Ask whether the firmware has raw paste (MicroPython 1.14 and newer)."""
        if self._raw_paste is None:
            self.line.write(raw_repl.PASTE_REQUEST)
            answer = self._until_any((b"R\x01", b"R\x00", raw_repl.PROMPT), _ANSWER_S)
            self._raw_paste = b"R\x01" in answer and self._empty_paste_ends()
            self.line.drain(_QUIET_S, _ANSWER_S)
        return self._raw_paste

    def _empty_paste_ends(self) -> bool:
        """Whether a raw paste that was begun works; some builds only say that they have it."""
        self.line.write(raw_repl.END)
        if raw_repl.END + raw_repl.PROMPT in self._until(raw_repl.END + raw_repl.PROMPT, _ANSWER_S):
            return True
        self.enter()
        return False

    def interrupt(self) -> bytes:
        """Stop what runs with Ctrl-C and return to the prompt.

        Raises:
            SilentBoardError: It does not react.
        """
        deadline, heard = Deadline(INTERRUPT_S), bytearray()
        while not deadline.passed:
            self.line.write(raw_repl.INTERRUPT)
            heard += self.line.drain(_QUIET_S, 0.3)
            if heard.endswith(raw_repl.PROMPT):
                return bytes(heard)
            self.line.write(b"\r" + raw_repl.RAW)
            answer = self._until(raw_repl.BANNER + raw_repl.PROMPT, 0.3)
            heard += answer
            if answer.endswith(raw_repl.BANNER + raw_repl.PROMPT):
                return bytes(heard)
        raise SilentBoardError(
            f"the board on {self.line.url} does not react to Ctrl-C", "press its reset button"
        )

    def soft_reset(self, stop_boot: bool = True, seconds: float = SOFT_RESET_S) -> str:
        """Restart MicroPython, not the chip, and return what the board says meanwhile.

        Args:
            stop_boot: Interrupt boot.py and main.py, which may never end.
            seconds: How long boot.py and main.py may take where they are not interrupted.

        Raises:
            SilentBoardError: The raw REPL does not come back.
        """
        self.line.write(raw_repl.END)
        wanted = raw_repl.BANNER + raw_repl.PROMPT
        heard = self._until_any((INIT_END, wanted), BOOT_S if stop_boot else seconds)
        deadline = Deadline(seconds)
        while wanted not in heard and not deadline.passed:
            if stop_boot:
                self.line.write(raw_repl.INTERRUPT)
            heard += self._until(wanted, KNOCK_S if stop_boot else deadline.left)
        if stop_boot:
            self.enter()
        elif wanted not in heard:
            raise SilentBoardError(
                f"boot.py or main.py on {self.line.url} still runs after {seconds:g} s",
                "it may be meant to; k210 board reset --stop ends it",
            )
        return heard.decode(errors="replace").replace("\r", "")

    def restarted(self) -> None:
        """Stop the boot of a board that has just been reset, and reach the prompt."""
        self._raw_paste = None
        self._log(self._until_any((INIT_END, raw_repl.FRIENDLY_PROMPT), BOOT_S))
        self._log(self._knock(BOOT_S))
        self.enter()

    def leave(self) -> None:
        """Stop what runs and leave the board at its friendly prompt, if it can still hear."""
        try:
            self.line.write(b"\r" + raw_repl.INTERRUPT * 2 + raw_repl.FRIENDLY)
            self._until(raw_repl.FRIENDLY_PROMPT, _ANSWER_S)
        except BoardError:  # it is gone, and whoever met that has said so
            return

    def start(self, code: bytes) -> Reply:
        """Start one command that fits the room, and return its reply, which is still empty."""
        self.line.write(code + raw_repl.END)
        return Reply()

    def _paste(self, code: bytes, deadline: Deadline) -> Reply:
        """Send code as fast as the board asks for it."""
        self.line.write(raw_repl.PASTE_REQUEST)
        head = self._until(b"R\x01", deadline.left)
        while len(head) < head.find(b"R\x01") + 4 and not deadline.passed:
            head += self.line.read(deadline.left)
        at = head.find(b"R\x01") + 2
        step = int.from_bytes(head[at : at + 2], "little")
        window, came = step + step * head[at + 2 :].count(1), b""
        while code and not deadline.passed and raw_repl.END not in came:
            came = self.line.read(0.0 if window else min(_ANSWER_S, deadline.left))
            window += step * came.count(1)
            self.line.write(code[:window])
            code, window = code[window:], max(0, window - len(code[:window]))
        self.line.write(raw_repl.END)
        reply = Reply(acknowledgement=raw_repl.END)
        reply.feed(came[came.find(raw_repl.END) :] if raw_repl.END in came else b"")
        return reply

    def _follow(self, reply: Reply, deadline: Deadline, show: Listener) -> None:
        decoder, held = codecs.getincrementaldecoder("utf-8")("backslashreplace"), ""
        start = Deadline(START_S)
        while not reply.done and not deadline.passed:
            if start.passed and not reply.acknowledged:
                return
            printed = reply.feed(self.line.read(min(deadline.left, 1.0)))
            if _restarted(reply):
                raise SilentBoardError(
                    f"the board on {self.line.url} has started again in the middle of a program",
                    "see whether its power is enough",
                    output=reply.so_far().decode(errors="replace"),
                )
            text = held + decoder.decode(printed, final=reply.done)
            held = "\r" if text.endswith("\r") and not reply.done else ""  # "\n" may follow
            text = text.removesuffix(held).replace("\r\n", "\n")
            if text:
                show(text)

    def _overdue(self, reply: Reply, seconds: float) -> SilentBoardError:
        began = "the program still ran" if reply.acknowledged else "the program did not start"
        seconds = seconds if reply.acknowledged else min(seconds, START_S)
        try:
            self.interrupt()
        except SilentBoardError as error:
            error.output = reply.so_far().decode(errors="replace")
            return error
        return OverdueError(
            f"{began} on {self.line.url} after {seconds:g} s, and was interrupted",
            "give it more time",
            output=reply.so_far().decode(errors="replace"),
        )

    def _knock(self, seconds: float) -> bytes:
        """Send Ctrl-C until a prompt shows."""
        deadline, heard = Deadline(seconds), bytearray()
        while not deadline.passed and not heard.endswith((raw_repl.FRIENDLY_PROMPT, b"\n>")):
            self.line.write(raw_repl.INTERRUPT)
            heard += self.line.drain(KNOCK_S / 2, KNOCK_S)
        return bytes(heard)

    def _until(self, wanted: bytes, seconds: float) -> bytes:
        return self._until_any((wanted,), seconds)

    def _until_any(self, wanted: tuple[bytes, ...], seconds: float) -> bytes:
        deadline, heard = Deadline(seconds), bytearray()
        while not any(word in heard for word in wanted):
            if deadline.passed:
                break
            heard += self.line.read(deadline.left)
        return bytes(heard)

    def _log(self, data: bytes) -> None:
        text = data.decode(errors="replace").replace("\r", "").strip("\x00>\n ")
        if text:
            self._on_log(text)


def _stranger(heard: bytes, url: str) -> BoardError:
    """Return the error for what is no MicroPython, by what it said."""
    if not heard:
        return SilentBoardError(
            f"nothing answers on {url}",
            "is it the right port, has the board power, and does its firmware hold MicroPython? "
            "press reset and try again",
        )
    if _is_echo(heard):
        return BoardError(
            f"{url} sends back what it gets: no board", "k210 board list shows boards"
        )
    said = heard[-40:].decode("ascii", "replace")
    return BoardError(
        f"what answers on {url} is no MicroPython; it said {said!r}",
        "is it the right port, and does it run at 115200 baud?",
    )


def _restarted(reply: Reply) -> bool:
    """Whether a board that should run a program is at its friendly prompt instead."""
    said = reply.so_far()
    return not reply.done and said.endswith(raw_repl.FRIENDLY_PROMPT) and INIT_END in said


def _is_echo(heard: bytes | bytearray) -> bool:
    """Whether there is nothing but what we send, or a terminal's picture of it."""
    return bool(heard) and set(heard) <= set(b"\r\n\x01\x03^AC")
