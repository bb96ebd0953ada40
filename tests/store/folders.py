"""Run folders as `k210 run` leaves them, made of figures that a seed draws."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from harness.report.schema import BackendRecord, DataRecord, LatencyRecord
from tests.report import reports

CLASSES = ("10c", "1e", "20c", "50c", "5c")


def write_run(
    folder: Path,
    run_id: str,
    *,
    seed: int = 0,
    items: int = 40,
    wrong: float = 0.1,
    data_seed: int = 0,
    created: str = "2026-01-01T00:00:00+00:00",
    method: str = "coin_classifier",
) -> Path:
    """Write a classifier's run on float and nncase, a share of whose answers is wrong."""
    rng = np.random.default_rng((seed, 1))
    labels = np.random.default_rng(data_seed).integers(0, len(CLASSES), items)
    folder.mkdir(parents=True)
    logits = {name: _logits(rng, labels, wrong) for name in ("float", "nncase")}
    for name, array in logits.items():
        (folder / "outputs" / name).mkdir(parents=True)
        np.save(folder / "outputs" / name / "logits.npy", array)
    answers = {name: array.argmax(1) for name, array in logits.items()}
    lines = [
        {
            "id": f"{index}.jpg",
            "sha256": hashlib.sha256(f"{data_seed} {index}".encode()).hexdigest(),
            "label": CLASSES[label],
            **{name: CLASSES[found[index]] for name, found in answers.items()},
            "scores": {
                name: {"accuracy": float(found[index] == label)} for name, found in answers.items()
            },
        }
        for index, label in enumerate(labels)
    ]
    (folder / "items.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    backends = {
        name: BackendRecord(
            metrics={"accuracy": float((found == labels).mean())},
            latency_ms=LatencyRecord(p50=3.2, p95=4.0, p99=7.8, n=items),
        )
        for name, found in answers.items()
    }
    reports.report(
        run_id=run_id,
        method=method,
        created=created,
        data=DataRecord(source="seeded", items=items, classes=CLASSES),
        backends=backends,
    ).write(folder)
    return folder


def _logits(rng: np.random.Generator, labels: np.ndarray, wrong: float) -> np.ndarray:
    found = np.where(rng.random(len(labels)) < wrong, (labels + 1) % len(CLASSES), labels)
    return np.asarray(rng.normal(0, 0.1, (len(labels), len(CLASSES))) + 5 * np.eye(5)[found], "f4")
