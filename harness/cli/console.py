"""What people see: results on stdout, and bars on stderr when it is a terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from harness.progress import Task

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID
    from rich.table import Table

PIPE_WIDTH = 160


def print_json(value: Any) -> None:  # noqa: ANN401  any JSON value
    """Print one JSON document on stdout, at once: somebody may wait for it while we go on."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def stdout() -> Console:
    """Return the console of results."""
    from rich.console import Console

    # A pipe has no width: a table is not to be cut for it.
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(highlight=False, width=width)


def show_table(table: Table) -> None:
    """Print a table; long words go on in the next line instead of being cut."""
    for column in table.columns:
        column.overflow = "fold"
    stdout().print(table)


def show_line(text: str, mark: str = "", style: str = "") -> None:
    """Print one line as it is, behind a coloured mark."""
    from rich.text import Text

    parts = [(mark, style), "  " if mark else "", text]
    stdout().print(Text.assemble(*parts), soft_wrap=True)


class _Bar:
    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars, self._task = bars, task

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Move the bar and replace its note."""
        self._bars.update(self._task, advance=steps, note=note)


class TerminalProgress:
    """Shows bars and remarks on a terminal; elsewhere stderr is left to errors."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._bars: Bars | None = None

    @contextmanager
    def task(self, title: str, total: int | None) -> Iterator[Task]:
        """Open a bar; one inside another is shown below it."""
        if self._bars is not None:
            yield from self._inside(self._bars, title, total)
            return
        with _bars(self._console) as bars:
            self._bars = bars
            try:
                yield from self._inside(bars, title, total)
            finally:
                self._bars = None

    def say(self, text: str) -> None:
        """Print a line that stays."""
        if self._console.is_terminal:
            self._console.print(text, markup=False)

    def _inside(self, bars: Bars, title: str, total: int | None) -> Iterator[Task]:
        yield _Bar(bars, bars.add_task(title, total=total, note=""))


def _bars(console: Console) -> Bars:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    return Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=console,
        disable=not console.is_terminal,
    )
