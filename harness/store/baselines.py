"""Baselines: which run others are held against, who said so, and why.

A name is a line of sign-offs. The last one holds, none is ever changed or removed, and a name
that is taken moves only when that is said in so many words.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from harness.errors import StoreError
from harness.store.database import Store
from harness.store.reading import find
from harness.store.tables import Run, SignOff


@dataclass(frozen=True)
class Baseline:
    """One sign-off.

    Attributes:
        name: Of the baseline.
        run_id: The run that it stands for.
        method: Of that run.
        who: Who signed it off.
        why: The reason, in words.
        created: ISO 8601, UTC.
    """

    name: str
    run_id: str
    method: str
    who: str
    why: str
    created: str


def sign_off(
    store: Store, name: str, run_id: str, who: str, why: str, *, move: bool = False
) -> Baseline:
    """Let a name stand for a run from now on.

    Args:
        store: Where both are kept.
        name: Of the baseline.
        run_id: The run, or a beginning of its name.
        who: Who says so.
        why: The reason, in words.
        move: Whether a name that stands for another run may be moved.

    Raises:
        StoreError: A word is missing, there is no such run, the name stands for another run and
            `move` is not given, or the run is of another method than the name has been for.
    """
    for word, what in ((name, "name"), (who, "name of who signs"), (why, "reason")):
        if not word.strip():
            raise StoreError(f"a baseline needs a {what}", "e.g. --who ada --why 'first release'")
    with store.writing() as session:
        run = find(session, run_id)
        last = _last(session, name)
        if last is not None:
            _check_move(last, name, run, move)
        created = datetime.now(UTC).isoformat(timespec="seconds")
        session.add(SignOff(name=name, run=run.id, who=who, why=why, created=created))
        return Baseline(name, run.run_id, run.method, who, why, created)


def history(store: Store, name: str | None = None) -> list[Baseline]:
    """Return all sign-offs, oldest first; those of one name where it is given."""
    wanted = select(SignOff, Run).join(Run, SignOff.run == Run.id).order_by(SignOff.id)
    if name is not None:
        wanted = wanted.where(SignOff.name == name)
    with store.reading() as session:
        return [_baseline(line, run) for line, run in session.execute(wanted)]


def current(store: Store) -> list[Baseline]:
    """Return what each name stands for now, by name."""
    return sorted({one.name: one for one in history(store)}.values(), key=lambda one: one.name)


def named(store: Store, name: str) -> Baseline:
    """Return what a name stands for now.

    Raises:
        StoreError: Nobody has signed it off; the nearest names are given.
    """
    found = history(store, name)
    if found:
        return found[-1]
    names = [one.name for one in current(store)]
    near = difflib.get_close_matches(name, names, 3) or names[:3]
    remedy = f"there are: {', '.join(near)}" if near else "k210 baseline set NAME RUN makes one"
    raise StoreError(f"there is no baseline {name!r}", remedy)


def _last(session: Session, name: str) -> tuple[SignOff, Run] | None:
    wanted = select(SignOff, Run).join(Run, SignOff.run == Run.id).where(SignOff.name == name)
    row = session.execute(wanted.order_by(SignOff.id.desc()).limit(1)).first()
    return None if row is None else (row[0], row[1])


def _check_move(last: tuple[SignOff, Run], name: str, run: Run, move: bool) -> None:
    line, before = last
    if before.method != run.method:
        raise StoreError(
            f"baseline {name!r} is for {before.method}, and {run.run_id} ran {run.method}",
            "take another name",
        )
    if before.id != run.id and not move:
        raise StoreError(
            f"baseline {name!r} stands for {before.run_id}: {line.who}, {line.why}",
            "say --move to let it stand for another run",
        )


def _baseline(line: SignOff, run: Run) -> Baseline:
    return Baseline(line.name, run.run_id, run.method, line.who, line.why, line.created)
