"""What a transfer is, and what it needs of a board."""

from __future__ import annotations

from typing import Protocol

from harness.board.abilities import Abilities
from harness.board.repl import RawRepl
from harness.progress import Progress


class Link(Protocol):
    """What a transfer needs of a board."""

    @property
    def repl(self) -> RawRepl:
        """Its prompt."""

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

    def forget(self) -> None:
        """Take nothing for granted that was defined."""

    def need(self, tool: str) -> None:
        """Define one of the `on_board` tools."""


class Transfer(Protocol):
    """A way for files to travel."""

    def write(self, board: Link, path: str, data: bytes, progress: Progress = ...) -> None:
        """Put a file onto the board, whole or not at all."""

    def read(self, board: Link, path: str, progress: Progress = ...) -> bytes:
        """Return a file of the board."""
