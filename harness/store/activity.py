"""What runs at this moment: a line a run, for those who watch from elsewhere.

A line is a note, no result: one that stands still for a while is of a run that was killed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, select

from harness.errors import StoreError
from harness.progress import Progress, Task
from harness.store.database import Store
from harness.store.tables import ActivityLine

# Between two writings, and until a line is taken for one of a run that is dead.
_EVERY_S, _STALE_S = 2.0, 120.0


@dataclass(frozen=True)
class Activity:
    """What one run does: `done` of `total` steps of `title`; `total` is 0 where it is unknown."""

    key: str
    method: str
    title: str
    done: int
    total: int
    note: str
    updated: str

    @property
    def is_fresh(self) -> bool:
        """Whether it was written lately."""
        age = datetime.now(UTC) - datetime.fromisoformat(self.updated)
        return age.total_seconds() < _STALE_S


def activities(store: Store) -> list[Activity]:
    """Return every line, by key."""
    with store.reading() as session:
        return [
            Activity(one.key, one.method, one.title, one.done, one.total, one.note, one.updated)
            for one in session.scalars(select(ActivityLine).order_by(ActivityLine.key))
        ]


class StoredProgress:
    """Shows progress as another one does, and writes it into a store every two seconds.

    Args:
        store: Where to; one that cannot be written is left alone: a note is not worth a run.
        key: Of the run, such as its folder.
        method: What runs.
        shown: Who is told, too.
    """

    def __init__(self, store: Store, key: str, method: str, shown: Progress) -> None:
        self._store, self._key, self._method, self._shown = store, key, method, shown
        self._written = 0.0

    @contextmanager
    def task(self, title: str, total: int | None) -> Iterator[Task]:
        """Open a bar here and there."""
        with self._shown.task(title, total) as shown:
            task = _StoredTask(self, title, total or 0, shown)
            self._write(title, 0, total or 0, "", at_once=True)
            yield task

    def say(self, text: str) -> None:
        """Leave a line where progress is shown."""
        self._shown.say(text)

    def close(self) -> None:
        """Take the line away."""
        with suppress(StoreError), self._store.writing() as session:
            session.execute(delete(ActivityLine).where(ActivityLine.key == self._key))

    def _write(self, title: str, done: int, total: int, note: str, *, at_once: bool) -> None:
        now = time.monotonic()
        if not at_once and now - self._written < _EVERY_S:
            return
        self._written = now
        line = ActivityLine(
            key=self._key,
            method=self._method,
            title=title,
            done=done,
            total=total,
            note=note,
            updated=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        with suppress(StoreError), self._store.writing() as session:
            session.merge(line)


class _StoredTask:
    def __init__(self, progress: StoredProgress, title: str, total: int, shown: Task) -> None:
        self._progress, self._title, self._total, self._shown = progress, title, total, shown
        self._done = 0

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Move both bars."""
        self._done += steps
        self._shown.advance(steps, note)
        last = self._done >= self._total > 0
        self._progress._write(self._title, self._done, self._total, note, at_once=last)
