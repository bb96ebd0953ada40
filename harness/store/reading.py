"""Take runs out of the store, as plain values that outlive the session."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from harness.errors import StoreError
from harness.report.schema import Report
from harness.store.database import Store
from harness.store.run_files import FoundPicture, Items
from harness.store.tables import (
    Answers,
    Artefact,
    DataSet,
    GateResult,
    Latency,
    Metric,
    Picture,
    Run,
    RunPicture,
)

# How near a backend's outputs come to the first backend's.
LOWEST_COSINE = "lowest cosine"


@dataclass(frozen=True)
class RunLine:
    """One run in a list.

    Attributes:
        run_id: Its name.
        method: What was run.
        created: ISO 8601, UTC.
        verdict: `pass` or `fail`.
        board_kind: `virtual`, `remote`, `real`, or empty where no board ran.
        firmware: Of that board.
        git_commit: Of the working directory; empty where there was none.
        data_set: Fingerprint of the items; empty where they are not known.
        metrics: (backend, metric) → value, of the whole run; `LOWEST_COSINE` among them.
        latency_ms: Backend → median.
        gate: What a gate last said of it; empty where none has.
    """

    run_id: str
    method: str
    created: str
    verdict: str
    board_kind: str
    firmware: str
    git_commit: str
    data_set: str
    metrics: Mapping[tuple[str, str], float]
    latency_ms: Mapping[str, float]
    gate: str = ""


def runs(store: Store, method: str | None = None) -> list[RunLine]:
    """Return all runs, oldest first; those of one method where it is named."""
    with store.reading() as session:
        found = session.scalars(_ordered(method)).all()
        metrics = _metrics(session)
        latencies = _latencies(session)
        gates = _gates(session)
    return [
        RunLine(
            run.run_id,
            run.method,
            run.created,
            run.verdict,
            run.board_kind,
            run.firmware,
            run.git_commit,
            run.data_set or "",
            metrics.get(run.id, {}),
            latencies.get(run.id, {}),
            gates.get(run.id, ""),
        )
        for run in found
    ]


def report(store: Store, run_id: str) -> Report:
    """Return a run's `report.json`.

    Raises:
        StoreError: There is no such run; the nearest names are given.
    """
    with store.reading() as session:
        return Report.model_validate(find(session, run_id).document)


def items(store: Store, run_id: str) -> Items | None:
    """Return a run's items and what each backend made of them; None where they are not known.

    Raises:
        StoreError: There is no such run.
    """
    with store.reading() as session:
        run = find(session, run_id)
        if run.data_set is None:
            return None
        data = session.get_one(DataSet, run.data_set)
        answers = session.scalars(select(Answers).where(Answers.run == run.id)).all()
        return Items(
            tuple(data.ids),
            tuple(data.sha256s),
            tuple(data.labels),
            {one.backend: tuple(one.predicted) for one in answers if one.predicted},
            {one.backend: _scores(one.scores) for one in answers},
        )


def pictures(store: Store, run_id: str) -> list[FoundPicture]:
    """Return a run's pictures by name.

    Raises:
        StoreError: There is no such run.
    """
    with store.reading() as session:
        run = find(session, run_id)
        rows = session.execute(
            select(RunPicture, Picture)
            .join(Picture, RunPicture.picture == Picture.sha256)
            .where(RunPicture.run == run.id)
            .order_by(RunPicture.name)
        )
        return [FoundPicture(use.name, use.caption, picture.data) for use, picture in rows]


def artefacts(store: Store, run_id: str) -> dict[str, tuple[str, int]]:
    """Return the hash and the size in bytes of a run's files, by name.

    Raises:
        StoreError: There is no such run.
    """
    with store.reading() as session:
        run = find(session, run_id)
        found = session.scalars(select(Artefact).where(Artefact.run == run.id)).all()
        return {one.name: (one.sha256, one.size) for one in sorted(found, key=lambda one: one.name)}


def gate(store: Store, run_id: str) -> dict[str, Any] | None:
    """Return what a gate last said of a run; None where none has.

    Raises:
        StoreError: There is no such run.
    """
    with store.reading() as session:
        run = find(session, run_id)
        last = select(GateResult.document).where(GateResult.run == run.id)
        return session.scalar(last.order_by(GateResult.id.desc()).limit(1))


def find(session: Session, run_id: str) -> Run:
    """Return a run by its name, or by a beginning that only one has.

    Raises:
        StoreError: There is none, or more than one.
    """
    exact = session.scalar(select(Run).where(Run.run_id == run_id))
    if exact is not None:
        return exact
    names = session.scalars(select(Run.run_id).order_by(Run.id)).all()
    begun = [name for name in names if name.startswith(run_id)] if run_id else []
    if len(begun) == 1:
        return session.scalars(select(Run).where(Run.run_id == begun[0])).one()
    if begun:
        raise StoreError(f"{run_id!r} begins {len(begun)} runs: {_some(begun)}", "name one whole")
    near = difflib.get_close_matches(run_id, names, 3) or names[-3:]
    remedy = f"there are: {_some(near)}" if near else "k210 store import RUN puts one in"
    raise StoreError(f"the store has no run {run_id!r}", remedy)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _ordered(method: str | None) -> Any:  # noqa: ANN401  SQLAlchemy's own generic
    wanted = select(Run).order_by(Run.created, Run.id)
    return wanted.where(Run.method == method) if method else wanted


def _metrics(session: Session) -> dict[int, dict[tuple[str, str], float]]:
    columns = Metric.run, Metric.backend, Metric.output, Metric.name, Metric.value
    wanted = or_(Metric.output == "", Metric.name == "cosine")
    found: dict[int, dict[tuple[str, str], float]] = {}
    for run, backend, output, name, value in session.execute(
        select(*columns).where(Metric.layer == "", wanted).order_by(Metric.id)
    ):
        metrics = found.setdefault(run, {})
        if output:  # of several outputs the one that lies furthest off
            metrics[backend, LOWEST_COSINE] = min(value, metrics.get((backend, LOWEST_COSINE), 1.0))
        else:
            metrics[backend, name] = value
    return found


def _latencies(session: Session) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {}
    for run, backend, p50 in session.execute(select(Latency.run, Latency.backend, Latency.p50)):
        found.setdefault(run, {})[backend] = p50
    return found


def _gates(session: Session) -> dict[int, str]:
    rows = session.execute(select(GateResult.run, GateResult.verdict).order_by(GateResult.id))
    return {run: verdict for run, verdict in rows}  # the last one holds


def _scores(kept: Mapping[str, list[float | None]]) -> dict[str, tuple[float, ...]]:
    return {
        name: tuple(math.nan if value is None else value for value in values)
        for name, values in kept.items()
    }
