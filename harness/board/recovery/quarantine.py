"""Boards that did not come back: a marker beside the port's lock, and a refusal until released."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.board.lock import Holder, beside
from harness.errors import BoardError
from harness.files import write_json

SUFFIX = "quarantine.json"


@dataclass(frozen=True)
class Quarantine:
    """Why a port is not to be used.

    Attributes:
        port: Which.
        who: The command that gave up.
        why: What was wrong, and what was tried.
        since: ISO 8601.
    """

    port: str
    who: str
    why: str
    since: str


def marker(url: str) -> Path:
    """Return where the marker of a port is, or would be."""
    return beside(url, SUFFIX)


def put(url: str, why: str) -> Quarantine:
    """Put a port into quarantine."""
    here = Holder.here()
    found = Quarantine(url, f"{here.command} (process {here.pid} on {here.host})", why, here.since)
    write_json(marker(url), asdict(found))
    return found


def find(url: str) -> Quarantine | None:
    """Return the marker of a port, if there is one; one that cannot be read counts."""
    try:
        text = marker(url).read_text("utf-8")
    except FileNotFoundError:
        return None
    try:
        return Quarantine(**json.loads(text))
    except (ValueError, TypeError):
        return Quarantine(url, "somebody", "a marker that cannot be read", "an unknown time")


def refuse(url: str) -> None:
    """Refuse a port in quarantine.

    Raises:
        BoardError: It is in quarantine; who put it there, when and why.
    """
    found = find(url)
    if found is not None:
        raise BoardError(
            f"the board on {url} is in quarantine since {found.since}, by {found.who}: {found.why}",
            f"look after it, then: k210 board release {url}",
        )


def release(url: str) -> bool:
    """End the quarantine of a port, and return whether there was one."""
    there = marker(url).exists()
    marker(url).unlink(missing_ok=True)
    return there
