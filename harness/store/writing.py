"""Put a run into the store: all of it or nothing, and once however often it is asked for."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from harness.errors import StoreError
from harness.report.schema import ComparisonRecord, LayerRecord, Report
from harness.store.database import Store
from harness.store.run_files import FoundPicture, Items, RunFiles
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

COMPARED = ("cosine", "snr_db", "rmse", "max_abs", "mean_abs", "top1_agreement")


Outcome = Literal["added", "updated", "unchanged"]


def add_run(store: Store, files: RunFiles) -> Outcome:
    """Write one run; one that was blamed or compared since is brought up to date.

    Raises:
        StoreError: The store has another run of the same name, or cannot be written.
    """
    with store.writing() as session:
        known = session.scalar(select(Run).where(Run.run_id == files.report.run_id))
        if known is None:
            return _write(session, Run(), files, "added")
        _check_same(known, files.report)
        if known.document == files.report.document():
            return "unchanged"
        for table in (Metric, Latency, Answers, Artefact, RunPicture):
            session.execute(delete(table).where(table.run == known.id))
        return _write(session, known, files, "updated")


def add_gate_result(
    store: Store, run_id: str, baseline: str, verdict: str, document: dict[str, Any]
) -> bool:
    """Keep what a gate said, where the store has both runs.

    Args:
        store: Where to.
        run_id: The run that was judged.
        baseline: What it was held against.
        verdict: In one word.
        document: The whole judgement, as JSON values.

    Returns:
        False where one of the runs is not in the store.
    """
    with store.writing() as session:
        ours, theirs = (
            session.scalar(select(Run.id).where(Run.run_id == name)) for name in (run_id, baseline)
        )
        if ours is None or theirs is None:
            return False
        created = datetime.now(UTC).isoformat(timespec="seconds")
        session.add(
            GateResult(
                run=ours, baseline=theirs, verdict=verdict, created=created, document=document
            )
        )
        return True


def _write(session: Session, run: Run, files: RunFiles, outcome: Outcome) -> Outcome:
    _describe(run, files)
    run.data_set = _data_set(session, files.items) if files.items else None
    session.add(run)
    session.flush()
    session.add_all(_figures(run.id, files.report))
    session.add_all(_answers(run.id, files.items))
    session.add_all(
        Artefact(run=run.id, name=name, sha256=sha256, size=size)
        for name, (sha256, size) in files.artefacts.items()
    )
    for picture in files.pictures:
        _add_picture(session, run.id, picture)
    return outcome


def _check_same(known: Run, report: Report) -> None:
    # Blame and gates add to a report later on; what was measured does not change.
    if known.created != report.created or known.method != report.method:
        raise StoreError(
            f"the store has another run named {report.run_id}, of {known.created}",
            "run it again: every run gets a name of its own",
        )


def _describe(run: Run, files: RunFiles) -> None:
    report, board = files.report, files.report.board
    run.run_id, run.method = report.run_id, report.method
    run.created, run.verdict = report.created, report.verdict
    run.git_commit = str(report.environment.get("git", ""))
    run.harness_version = str(report.environment.get("k210-harness", ""))
    run.board_kind = board.kind if board else ""
    run.firmware = board.firmware if board else ""
    run.serial_number = (board.serial_number or "") if board else ""
    run.kmodel_sha256 = str(report.contract.get("kmodel_sha256", ""))
    run.weights_sha256 = str(report.contract.get("weights_sha256", ""))
    run.environment, run.contract = dict(report.environment), dict(report.contract)
    run.document = report.document()


def _data_set(session: Session, items: Items) -> str:
    fingerprint = items.fingerprint
    if session.get(DataSet, fingerprint) is None:
        session.add(
            DataSet(
                fingerprint=fingerprint,
                items=len(items.ids),
                ids=list(items.ids),
                sha256s=list(items.sha256s),
                labels=list(items.labels),
            )
        )
        session.flush()
    return fingerprint


def _figures(run: int, report: Report) -> Iterator[Metric | Latency]:
    for name, backend in report.backends.items():
        for metric, value in backend.metrics.items():
            yield from _metric(run, name, metric, value)
        if backend.latency_ms:
            yield Latency(run=run, backend=name, **backend.latency_ms.model_dump(include=_LATENCY))
    first = next(iter(report.backends), "")
    for comparison in report.comparisons:
        if comparison.reference == first:
            yield from _compared(run, comparison)
    for layer in report.layers:
        yield from _layer(run, layer)


_LATENCY = {"p50", "p95", "p99", "n"}


def _compared(run: int, comparison: ComparisonRecord) -> Iterator[Metric]:
    for name in COMPARED:
        value = getattr(comparison, name)
        yield from _metric(run, comparison.candidate, name, value, output=comparison.output)


def _layer(run: int, layer: LayerRecord) -> Iterator[Metric]:
    for kind, columns in (("alone", layer.alone), ("accumulated", layer.accumulated)):
        for backend, error in columns.items():
            value = error.snr_db
            yield from _metric(run, backend, f"snr_db {kind}", value, layer=layer.layer)


def _metric(
    run: int, backend: str, name: str, value: float | None, output: str = "", layer: str = ""
) -> Iterator[Metric]:
    # PostgreSQL and SQLite keep infinities, SQLite takes a NaN for NULL; None is "equal".
    if value is not None and not math.isnan(value):
        yield Metric(run=run, backend=backend, output=output, layer=layer, name=name, value=value)


def _answers(run: int, items: Items | None) -> Iterator[Answers]:
    if items is None:
        return
    for backend in sorted(set(items.predicted) | set(items.scores)):
        scores = items.scores.get(backend, {})
        yield Answers(
            run=run,
            backend=backend,
            predicted=list(items.predicted.get(backend, ())),
            scores={name: list(map(_number, values)) for name, values in scores.items()},
        )


def _number(value: float) -> float | None:
    """JSON has no word for what is no finite number."""
    return value if math.isfinite(value) else None


def _add_picture(session: Session, run: int, picture: FoundPicture) -> None:
    sha256 = hashlib.sha256(picture.data).hexdigest()
    if session.get(Picture, sha256) is None:
        session.add(Picture(sha256=sha256, data=picture.data))
        session.flush()
    session.add(RunPicture(run=run, name=picture.name, caption=picture.caption, picture=sha256))
