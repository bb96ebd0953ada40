"""A board, narrow at the waist: everything above is written with exec, eval, read and write."""

from __future__ import annotations

import ast
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from harness.board import on_board, raw_repl
from harness.board.abilities import Abilities
from harness.board.answers import DamagedAnswerError, answers
from harness.board.failures import ScriptError, SilentBoardError, with_our_names
from harness.board.lock import PortLock
from harness.board.port import BAUD, SerialLine
from harness.board.recovery import quarantine
from harness.board.repl import ENTER_S, Listener, RawRepl, silence
from harness.board.room import usual_room
from harness.board.staging import stage
from harness.board.tools import TOOL_S, Tools
from harness.board.transfer import Loader, Transfer
from harness.board.whereabouts import identity
from harness.errors import BoardError
from harness.progress import SILENT, Progress

if TYPE_CHECKING:
    from harness.board.info import BoardInfo
    from harness.board.recovery.journal import Recovery

TIMEOUT_S = 30.0


class Board:
    """MicroPython on a port, at its raw REPL. A context manager.

    Use `Board.open`; closing leaves the board at its friendly prompt and gives the port back.

    Attributes:
        transfer: How files travel; another may be put here.
        on_log: Who hears what the firmware logs between programs.
        baud: The speed that it starts with.
        known: What it is recognised by when its port has changed its name.
        recoveries: How often it had to be brought back while it was open, and what helped.
    """

    def __init__(self, repl: RawRepl, lock: PortLock | None = None) -> None:
        self.repl = repl
        self.baud = repl.line.baud
        self.known = identity(repl.line.url)
        self.transfer: Transfer = Loader()
        self._lock = lock
        self._tools = Tools(self)
        self._closed = False
        self.recoveries: list[Recovery] = []

    @classmethod
    def open(
        cls,
        url: str,
        baud: int = BAUD,
        on_log: Listener = silence,
        room: int | None = None,
        patience: float = ENTER_S,
        revive: bool = False,
    ) -> Self:
        """Lock and open a port, stop what runs on the board, and reach its raw REPL.

        Args:
            url: The port, see `SerialLine`.
            baud: Its speed.
            on_log: Who hears what the firmware logs between programs.
            room: How many bytes the board surely takes at once; None for `K210_BOARD_ROOM`, or
                what MaixPy and CanMV take.
            patience: Seconds to knock before there is taken to be no board.
            revive: Whether a board that is silent then is brought back, see
                `harness.board.recovery`.

        Raises:
            BoardError: The port cannot be had, is in quarantine, or there is no MicroPython behind
                it.
        """
        quarantine.refuse(url)
        board = cls.opened_unasked(url, baud, on_log, room)
        try:
            board._reach(patience, revive)
        except BaseException:
            board._close_port()
            raise
        return board

    @classmethod
    def opened_unasked(
        cls,
        url: str,
        baud: int = BAUD,
        on_log: Listener = silence,
        room: int | None = None,
    ) -> Self:
        """Lock and open a port as `open` does, also in quarantine, whatever is behind it.

        Raises:
            BoardError: The port cannot be had.
        """
        room = room or usual_room()
        lock = PortLock(url)
        lock.acquire()
        try:
            return cls(RawRepl(SerialLine(url, baud), on_log, room), lock)
        except BaseException:
            lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def exec(
        self,
        code: str,
        timeout: float = TIMEOUT_S,
        *,
        name: str = "<code>",
        show: Listener = silence,
    ) -> str:
        """Run code in the board's `__main__` and return what it printed, with Unix line ends.

        Args:
            code: MicroPython.
            timeout: Seconds that it may take; it is interrupted then.
            name: What to call it in tracebacks, such as the file it is from.
            show: Who hears what it prints, as it comes.

        Raises:
            ScriptError: It raised an exception; the error has the board's traceback.
            SilentBoardError: It was not done in time.
        """
        command, staged = code.encode(), False
        if not self.repl.takes(command):
            command, staged = stage(self, code, name), True
        reply = self.repl.run(command, timeout, show)
        if reply.error:
            traceback = with_our_names(reply.error.decode(errors="backslashreplace"), name, staged)
            raise ScriptError(traceback, name)
        return reply.printed.decode(errors="backslashreplace").replace("\r\n", "\n")

    def eval(self, expression: str, timeout: float = TIMEOUT_S) -> Any:  # noqa: ANN401
        """Return the value of an expression, which has to be a literal on both sides.

        Raises:
            BoardError: The value has no literal form.
            ScriptError: It raised an exception.
        """
        (text,) = self.ask(f"_k210(repr({expression}))", timeout, most=1)
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError) as error:
            raise BoardError(
                f"{expression} is {text[:60]!r} on the board, which is no literal",
                "ask for str(…) of it",
            ) from error

    def read(self, path: str, progress: Progress = SILENT) -> bytes:
        """Return the bytes of a file on the board.

        Raises:
            BoardError: It is not there, or does not come whole.
        """
        return self.transfer.read(self, path, progress)

    def write(self, path: str, data: bytes, progress: Progress = SILENT) -> None:
        """Put a file onto the board, whole or not at all.

        Raises:
            BoardError: There is no room, or it does not arrive whole.
        """
        self.transfer.write(self, path, data, progress)

    @property
    def room(self) -> int:
        """How many bytes the board surely takes at once."""
        return self.repl.room

    @cached_property
    def abilities(self) -> Abilities:
        """What transfers can use on this board; asked once."""
        self.need(on_board.ABILITIES)
        return Abilities(frozenset(self.eval("_k210a()", 2 * TOOL_S)))

    @cached_property
    def info(self) -> BoardInfo:
        """Firmware, memory, file systems and KPU; asked once while the port is open."""
        from harness.board.info import ask

        return ask(self)

    def ask(self, code: str, timeout: float = TIMEOUT_S, most: int | None = None) -> list[str]:
        """Run code that gives answers with `_k210(text)`, and return their texts.

        Raises:
            DamagedAnswerError: There are fewer than `most`, or one came damaged.
        """
        self.need(on_board.ANSWER)
        printed = self.exec(code, timeout)
        found = list(answers(printed))
        if most is not None and len(found) != most:
            raise DamagedAnswerError(f"the board's answer came damaged: {printed[-60:]!r}")
        return found

    def need(self, tool: str) -> None:
        """Define one of the `harness.board.on_board` tools, if it is not there yet."""
        self._tools.need(tool)

    def revive(self, why: str, wait: float | None = None) -> str:
        """Bring the board back after it fell silent, lost its place or was pulled out.

        What was defined on it is lost. It may be on another port afterwards.

        Args:
            why: What went wrong, for the log.
            wait: Seconds to wait for a port that is gone.

        Returns:
            What helped, such as "interrupt", which leaves the board's memory as it was.

        Raises:
            LostBoardError: It does not come back; it is in quarantine then.
        """
        from harness.board.recovery.recover import recover
        from harness.board.recovery.rungs import REPLUG_S

        patience = REPLUG_S if wait is None else wait
        found = recover(self, why, wait=patience)
        self.recoveries.append(found)
        return str(found.helped)

    def reopen(self, url: str) -> None:
        """Open the port anew, or another that the board is on now.

        Raises:
            BoardError: It cannot be had.
        """
        line = self.repl.line
        line.close()
        if url != line.url and self._lock is not None:
            lock = PortLock(url)
            lock.acquire()
            self._lock.release()
            self._lock = lock
        self.repl.line = SerialLine(url, self.baud)

    def soft_reset(self, stop_boot: bool = True) -> str:
        """Restart MicroPython and return what it says; nothing defined before is left.

        Args:
            stop_boot: Interrupt boot.py and main.py, which may never end.
        """
        self.forget()
        return self.repl.soft_reset(stop_boot)

    def hard_reset(self) -> None:
        """Reset the chip with `machine.reset()`, stop its boot, and reach the raw REPL again.

        Raises:
            ScriptError: The firmware has no such function.
        """
        self.exec("from machine import reset as _k210reset")
        self.forget()
        self.repl.line.write(b"_k210reset()" + raw_repl.END)
        self.repl.restarted()

    def release_into_reset(self, hard: bool = False) -> None:
        """Reset the board, close the port, and leave boot.py and main.py to run.

        Raises:
            ScriptError: `hard`, and the firmware has no `machine.reset()`.
        """
        if hard:
            self.exec("from machine import reset as _k210reset")
            self.repl.line.write(b"_k210reset()" + raw_repl.END)
        else:
            self.repl.leave()
            self.repl.line.write(raw_repl.END)
        self.repl.line.drain(0.3, 1.0)
        self._close_port()

    def close(self) -> None:
        """Leave the board at its friendly prompt and give the port back; again does nothing."""
        if not self._closed:
            try:
                self.repl.leave()
            finally:
                self._close_port()

    def _close_port(self) -> None:
        self._closed = True
        self.repl.line.close()
        if self._lock is not None:
            self._lock.release()

    def forget(self) -> None:
        """Take nothing for granted that was defined or asked: the board has started again."""
        self._tools.forget()
        self.__dict__.pop("info", None)

    def _reach(self, patience: float, revive: bool) -> None:
        """Reach the raw REPL of a board that was just opened."""
        from harness.board.ide_mode import explain

        try:
            self.repl.enter(patience)
        except BoardError as error:
            found = explain(self.repl.line, error)
            if not revive or not isinstance(found, SilentBoardError):
                raise found from error
            from harness.board.recovery.recover import recover

            self.recoveries.append(recover(self, found.cause, put_away=False))
