"""The framing of MicroPython's raw REPL, without a line: bytes in, what they mean out.

After a command the board sends `OK`, what the program prints, byte 4, the traceback if any,
byte 4, and `>`. MaixPy's C code logs to the same wire at any moment. Sources: MicroPython
`lib/utils/pyexec.c` (1.11), reference manual "The MicroPython Interactive Interpreter Mode".
"""

from __future__ import annotations

import re

INTERRUPT = b"\x03"
END = b"\x04"
RAW = b"\x01"
FRIENDLY = b"\x02"
PASTE_REQUEST = b"\x05A\x01"
BANNER = b"raw REPL; CTRL-B to exit\r\n"
PROMPT = b">"
FRIENDLY_PROMPT = b">>> "
# Half of the 2 KiB ring in which MaixPy receives. A command of that size is whole on the board even
# while nothing there reads; bytes that overflow the ring are lost in silence.
ROOM = 1024

# What MaixPy's C code and the SDK under it put in front of their log lines.
_LOG_STARTS = (b"[MAIXPY]", b"[MaixPy]", b"kpu_net __del__")
_START = re.compile(
    rb"(?:\x1b\[[0-9;]*m)?(?:"
    + b"|".join(re.escape(start) for start in _LOG_STARTS)
    + rb"|[EWI] \(\d+\))"
)
_UNFINISHED_START = re.compile(rb"(?:\x1b(?:\[[0-9;]*m?)?)?(?:[EWI](?: (?:\(\d*)?)?)?")
_LOG = re.compile(_START.pattern + rb"[^\n]*\n")
_LOG_LINE = re.compile(rb"(?:(?<=\n)|\A)" + _LOG.pattern)
_TRACEBACK = b"Traceback (most recent call last):"


class Reply:
    """The answer to one command, in whatever pieces it comes.

    Args:
        acknowledgement: What the board sends before the program starts: `OK`, or byte 4 after a
            raw paste.

    Attributes:
        done: Whether it is complete.
        printed: What the program printed.
        error: Its traceback; empty where it ended well.
        noise: Log lines and other bytes outside of both.
        excess: What came behind the end.
    """

    def __init__(self, acknowledgement: bytes = b"OK") -> None:
        self._acknowledgement = acknowledgement
        self._head: bytearray | None = bytearray()
        self._body = bytearray()
        self._passed = self._scanned = self._shown = 0
        self._marks: list[int] = []
        self.done = False
        self.printed = self.error = self.noise = self.excess = b""

    @property
    def acknowledged(self) -> bool:
        """Whether the program has started."""
        return self._head is None

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the line and return those of them that the program is known to print."""
        if self.done:
            self.excess += data
            return b""
        if self._head is not None:
            self._head += data
            self._find_acknowledgement(self._head)
        else:
            self._body += data
        if self._head is None:
            self._find_end()
        return self._show()

    def so_far(self) -> bytes:
        """Return everything that came, for an error message."""
        return bytes(self._head or b"") + bytes(self._body)

    def _find_acknowledgement(self, head: bytearray) -> None:
        at = head.find(self._acknowledgement, self._passed)
        while at >= 0:
            log = _START.search(head, self._passed, at)
            if log is None:
                self._acknowledge(head, at)
                return
            end = head.find(b"\n", log.start())
            if end < 0:
                break
            self._passed = end + 1
            at = head.find(self._acknowledgement, self._passed)
        at = head.find(self._acknowledgement)
        if at >= 0 and _ended(head):  # a log line without an end took it in
            self._acknowledge(head, at)

    def _acknowledge(self, head: bytearray, at: int) -> None:
        self.noise += bytes(head[:at])
        self._body += head[at + len(self._acknowledgement) :]
        self._head = None

    def _find_end(self) -> None:
        while not self.done:
            at = self._body.find(END, self._scanned)
            if at < 0:
                self._scanned = len(self._body)
                return
            if self._marks:
                tail = bytes(self._body[at + 1 :])
                logs = _logs_before(tail)
                rest = tail[len(logs) :]
                if rest.startswith(PROMPT):
                    self._finish(at, logs, rest[len(PROMPT) :])
                    return
                if _may_be_log(rest):
                    return
            self._marks.append(at)
            self._scanned = at + 1

    def _finish(self, end: int, logs: bytes, excess: bytes) -> None:
        # A program may print byte 4 itself: the traceback stands behind the last one that fits.
        split = self._marks[0]
        for mark in reversed(self._marks):
            error = _LOG_LINE.sub(b"", bytes(self._body[mark + 1 : end]))
            if not error or error.startswith(_TRACEBACK):
                split = mark
                break
        raw = bytes(self._body[split + 1 : end])
        self.printed = bytes(self._body[:split])
        self.error = _LOG_LINE.sub(b"", raw)
        self.noise += b"".join(match[0] for match in _LOG_LINE.finditer(raw)) + logs
        self.excess = excess
        self.done = True

    def _show(self) -> bytes:
        known = [len(self.printed)] if self.done else self._marks
        end = known[0] if known else len(self._body)
        shown, self._shown = bytes(self._body[self._shown : end]), max(end, self._shown)
        return shown


def _ended(head: bytearray) -> bool:
    return head.count(END) >= 2 and head.rstrip(b"\r\n").endswith(END + PROMPT)


def _logs_before(tail: bytes) -> bytes:
    found = re.match(rb"(?:" + _LOG.pattern + rb")*", tail)
    return found[0] if found else b""


def _may_be_log(rest: bytes) -> bool:
    """Whether more bytes could make a log line, or the prompt, of this."""
    if b"\n" in rest:
        return False
    begun = _START.match(rest) or _UNFINISHED_START.fullmatch(rest)
    return bool(begun) or any(start.startswith(rest) for start in _LOG_STARTS)
