"""The log of recoveries: which rung helped which board, a line of JSON each, beside the locks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from harness.board.lock import beside
from harness.board.recovery.ladder import Step

SUFFIX = "recoveries.jsonl"


@dataclass(frozen=True)
class Recovery:
    """One climb.

    Attributes:
        when: ISO 8601.
        port: Where the board was in the end.
        why: What had gone wrong.
        helped: The rung that helped; None where none did.
        steps: What was tried.
    """

    when: str
    port: str
    why: str
    helped: str | None
    steps: tuple[Step, ...]

    @property
    def seconds(self) -> float:
        """How long it took."""
        return sum(step.seconds for step in self.steps)


def note(port: str, why: str, helped: str | None, steps: Sequence[Step]) -> Recovery:
    """Write a climb to the log of its port, and return it."""
    when = datetime.now().astimezone().isoformat(timespec="seconds")
    found = Recovery(when, port, why, helped, tuple(steps))
    with beside(port, SUFFIX).open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(found), ensure_ascii=False) + "\n")
    return found


def history(port: str) -> list[Recovery]:
    """Return the climbs on a port, oldest first; lines that cannot be read are left out."""
    try:
        lines = beside(port, SUFFIX).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [found for line in lines if (found := _read(line)) is not None]


def _read(line: str) -> Recovery | None:
    try:
        document = json.loads(line)
        steps = tuple(Step(**step) for step in document.pop("steps"))
        return Recovery(**document, steps=steps)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
