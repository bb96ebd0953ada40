"""Benchmarks kept: one file a time, and what changed since the last on the same processor."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.files import write_json

# Ratios to a peer in the same run move less with the machine's load than times do.
_RATIO, _SHARE = "ratio_", "_share"
# The compiler's: our time over the peer's. Of all others more is better.
_TIMES = "ratio"
LIMIT = 0.2


@dataclass(frozen=True)
class Change:
    """A ratio that is not what it was: `before` and `after` of `field` in a row."""

    row: str
    field: str
    before: float
    after: float

    @property
    def is_worse(self) -> bool:
        """Whether it became worse by more than the limit."""
        if self.field == _TIMES:
            return self.after > self.before * (1 + LIMIT)
        return self.after < self.before * (1 - LIMIT)


def keep(folder: Path, machine: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write a file of benchmarks, named by its time; none is ever overwritten."""
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
    path = folder / f"{moment}.json"
    write_json(path, {"machine": dict(machine), "rows": [dict(row) for row in rows]})
    return path


def last(folder: Path, machine: Mapping[str, str]) -> list[dict[str, Any]] | None:
    """Return the rows of the newest file of the same processor, None where there is none.

    Raises:
        UsageError: It is damaged.
    """
    for path in sorted(folder.glob("*.json"), reverse=True):
        try:
            found = json.loads(path.read_bytes())
            if found["machine"]["processor"] == machine["processor"]:
                return list(found["rows"])
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path} is no file of benchmarks: {error}", "remove it") from error
    return None


def changes(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> list[Change]:
    """Return every ratio that both have, in the order of the newer one."""
    known = {(row, field): value for row, field, value in _ratios(before)}
    return [
        Change(row, field, known[row, field], value)
        for row, field, value in _ratios(after)
        if (row, field) in known
    ]


def _ratios(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, float]]:
    for row in rows:
        for field, value in row.items():
            is_ratio = field.startswith(_RATIO) or field == _TIMES or field.endswith(_SHARE)
            if is_ratio and isinstance(value, int | float):
                yield str(row["name"]), field, float(value)
