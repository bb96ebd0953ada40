"""What became of a sample, as JSON: one line a mutant."""

from __future__ import annotations

import json
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.mutants.session import Row, Session


def write(out: Path, session: Session, seed: int, count: int) -> int:
    """Write the report of a sample once all of it is judged; return how many are not."""
    mutants, places = session.sample(seed, count)
    judged = session.rows()
    rows = [judged[mutant] for mutant in mutants if mutant in judged]
    if len(rows) == len(mutants):
        head = {
            "command": f"tox run -e mutants -- --seed {seed} --count {count}",
            "tool": f"cosmic-ray {version('cosmic-ray')}",
            "commit": session.commit,
            "places": places,
            **summary(rows),
        }
        lines = ",\n".join(json.dumps(row) for row in rows)
        out.write_text(f'{json.dumps(head, indent=1)[:-2]},\n "mutants": [\n{lines}\n]}}\n')
    return len(mutants) - len(rows)


def summary(rows: list[Row]) -> dict[str, Any]:
    """Count outcomes, in all and by package; a timeout counts as found."""
    rooms = sorted({_room(row) for row in rows})
    return {
        "found": round(_found(rows), 4),
        "outcomes": dict(Counter(row["outcome"] for row in rows)),
        "rooms": {room: _of_room([r for r in rows if _room(r) == room]) for room in rooms},
        "seconds_mean": round(sum(row["seconds"] for row in rows) / len(rows), 2),
    }


def _of_room(rows: list[Row]) -> dict[str, Any]:
    return {"mutants": len(rows), "found": round(_found(rows), 4)}


def _found(rows: list[Row]) -> float:
    found = [row for row in rows if row["outcome"] != "survived"]
    return len(found) / len(rows)


def _room(row: Row) -> str:
    return "/".join(row["path"].split("/")[:2])
