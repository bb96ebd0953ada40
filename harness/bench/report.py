"""What it costs to keep a run and to show it, beside MLflow, which keeps the same figures."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from harness.progress import SILENT, Progress
from harness.site.build import build
from harness.store.database import Store
from harness.store.export import mlflow
from harness.store.run_files import RunFiles, read_run
from harness.store.writing import add_run

Value = TypeVar("Value")


@dataclass(frozen=True)
class ReportRow:
    """Milliseconds a run; `ratio_mlflow` is MLflow's time over ours, None without MLflow."""

    name: str
    ms_per_run: float
    ratio_mlflow: float | None = None


def bench_report(folder: Path, runs: int = 20, progress: Progress = SILENT) -> list[ReportRow]:
    """Put copies of a run into a store, write their site, and put the same into MLflow.

    Args:
        folder: A run folder.
        runs: How many copies.
        progress: Who is told.
    """
    files = read_run(folder / "report.json")
    copies = [_named(files, f"{files.report.run_id}-{number}") for number in range(runs)]
    with tempfile.TemporaryDirectory() as name, progress.task("Reports", 3) as task:
        place = Path(name)
        with Store.open(str(place / "runs.sqlite"), create=True) as store:
            keeping = _each(copies, lambda one: add_run(store, one))
            task.advance(1, "kept")
            started = time.perf_counter()
            build(store, place / "site")
            showing = (time.perf_counter() - started) * 1000 / runs
            task.advance(1, "shown")
            peer = _mlflow(store, place, runs)
            task.advance(1, "MLflow")
    ratio = peer / keeping if peer else None
    return [ReportRow("store_add", keeping, ratio), ReportRow("site_page", showing)]


def _named(files: RunFiles, run_id: str) -> RunFiles:
    report = files.report.model_copy(update={"run_id": run_id})
    return RunFiles(report, files.items, files.artefacts, files.pictures)


def _each(values: Sequence[Value], do: Callable[[Value], object]) -> float:
    """Return the median of milliseconds."""
    spent = []
    for value in values:
        started = time.perf_counter()
        do(value)
        spent.append((time.perf_counter() - started) * 1000)
    return statistics.median(spent)


def _mlflow(store: Store, place: Path, runs: int) -> float | None:
    if find_spec("mlflow") is None:
        return None
    uri = f"sqlite:///{place / 'mlflow.db'}"
    mlflow.export(store, uri, method="none")  # makes the database, which is not what is timed
    started = time.perf_counter()
    mlflow.export(store, uri)
    return (time.perf_counter() - started) * 1000 / runs
