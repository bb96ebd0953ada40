"""How long work tells a person that it moves, without knowing who listens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One bar: a known number of steps and a short text about the last one."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Move on by `steps`; `note` (loss, accuracy, rate …) replaces the text shown."""


class Progress(Protocol):
    """A place where long work opens bars and leaves remarks."""

    def task(self, title: str, total: int | None) -> AbstractContextManager[Task]:
        """Open a bar of `total` steps (None: unknown) for as long as the context lasts."""

    def say(self, text: str) -> None:
        """Leave one line that stays on the screen and in the log."""


class _SilentTask:
    def advance(self, steps: int = 1, note: str = "") -> None:
        """Nobody listens."""


class SilentProgress:
    """The listener of library calls and tests: none."""

    @contextmanager
    def task(self, title: str, total: int | None) -> Iterator[Task]:  # noqa: ARG002
        """Open a bar that nobody sees."""
        yield _SilentTask()

    def say(self, text: str) -> None:
        """Drop the line."""


SILENT: Progress = SilentProgress()
