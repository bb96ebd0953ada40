"""MLflow: a run each, with parameters, metrics, hashes and pictures.

A run that was exported before, which its tag tells, is left as it is.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from harness.errors import StoreError
from harness.report.schema import Report
from harness.store import reading
from harness.store.database import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

RUN_TAG = "k210.run_id"
_SQLITE = "sqlite:///"


def export(store: Store, tracking_uri: str, method: str | None = None) -> tuple[int, int]:
    """Write all runs to an MLflow server or folder, an experiment a method.

    Args:
        store: Where from.
        tracking_uri: As MLflow takes it: `http://…`, `sqlite:///…`.
        method: Only its runs, where it is named.

    Returns:
        How many were written, and how many were there already.

    Raises:
        StoreError: MLflow is not installed, or refuses.
    """
    if find_spec("mlflow") is None:
        raise StoreError("MLflow is not installed", "pip install 'k210-harness[mlflow]'")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    written = present = 0
    try:
        client = MlflowClient(tracking_uri)
        for line in reading.runs(store, method):
            experiment = _experiment(client, line.method, _artefacts(tracking_uri))
            if client.search_runs([experiment], f"tags.`{RUN_TAG}` = '{line.run_id}'"):
                present += 1
                continue
            _write(client, experiment, store, line.run_id)
            written += 1
    except MlflowException as error:
        said = str(error).split(". ")[0]
        raise StoreError(
            f"MLflow at {tracking_uri} refuses: {said}", "check the URI; a file is sqlite:///path"
        ) from error
    return written, present


def _experiment(client: MlflowClient, method: str, artefacts: str | None) -> str:
    name = f"k210 {method}"
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name, artefacts))


def _artefacts(tracking_uri: str) -> str | None:
    """Return where files go: beside an SQLite file, not into whatever folder one works in."""
    if not tracking_uri.startswith(_SQLITE):
        return None
    return Path(tracking_uri.removeprefix(_SQLITE)).absolute().with_suffix(".artefacts").as_uri()


def _write(client: MlflowClient, experiment: str, store: Store, run_id: str) -> None:
    report = reading.report(store, run_id)
    started = _milliseconds(report.created)
    run = client.create_run(experiment, started, tags=_tags(report), run_name=run_id).info.run_id
    for name, value in report.environment.items():
        client.log_param(run, _name(name), str(value)[:500])
    for name, value in _metrics(report).items():
        client.log_metric(run, _name(name), value)
    client.log_dict(run, report.document(), "report.json")
    for picture in reading.pictures(store, run_id):
        _log_picture(client, run, picture.name, picture.data)
    client.set_terminated(run, "FINISHED" if report.verdict == "pass" else "FAILED", started)


def _log_picture(client: MlflowClient, run: str, name: str, data: bytes) -> None:
    place = PurePosixPath(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / place.name
        path.write_bytes(data)
        client.log_artifact(run, str(path), str(place.parent) if place.parent.name else None)


def _metrics(report: Report) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for backend, record in report.backends.items():
        found |= {f"{backend}/{name}": value for name, value in record.metrics.items()}
        if record.latency_ms:
            found[f"{backend}/latency_p50_ms"] = record.latency_ms.p50
    for one in report.comparisons:
        found[f"{one.candidate}/{one.output}/cosine to {one.reference}"] = one.cosine
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _tags(report: Report) -> dict[str, Any]:
    tags = {RUN_TAG: report.run_id, "verdict": report.verdict, "method": report.method}
    if report.board:
        tags["board"] = f"{report.board.kind} board, {report.board.firmware}"
    return tags


def _milliseconds(created: str) -> int:
    return round(datetime.fromisoformat(created).timestamp() * 1000)


def _name(text: str) -> str:
    """Keep the characters that MLflow allows in names."""
    return "".join(char if char.isalnum() or char in "_-. /" else "_" for char in text)
