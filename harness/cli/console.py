"""What people see: bars on stderr when it is a terminal, plain lines when it is not."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from harness.progress import Task

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


def print_json(value: Any) -> None:  # noqa: ANN401  any JSON value
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def stdout() -> Console:
    """Return the console of results."""
    from rich.console import Console

    return Console(highlight=False)


class _Bar:
    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars, self._task = bars, task

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Move the bar and replace its note."""
        self._bars.update(self._task, advance=steps, note=note)


class TerminalProgress:
    """Shows bars on a terminal, and one line at the start of each task elsewhere."""

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
        if not self._console.is_terminal:
            self.say(f"{title} …")
        with _bars(self._console) as bars:
            self._bars = bars
            try:
                yield from self._inside(bars, title, total)
            finally:
                self._bars = None

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(text, markup=False)

    def _inside(self, bars: Bars, title: str, total: int | None) -> Iterator[Task]:
        yield _Bar(bars, bars.add_task(title, total=total, note=""))


def _bars(console: Console) -> Bars:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    return Bars(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        disable=not console.is_terminal,
    )
