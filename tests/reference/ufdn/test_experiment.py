"""The sweep: what it keeps, that it goes on, and what it says of means and spreads."""

from __future__ import annotations

import json

import pytest

from reference.ufdn import experiment
from reference.ufdn.checkpoint import read_checkpoint
from reference.ufdn.train import train
from tests.reference.ufdn.conftest import QUICK


@pytest.fixture
def small(monkeypatch, domains_folder):
    """Make the experiment one of two small domains."""
    monkeypatch.setattr(
        experiment, "TrainJob", lambda *given, **more: _job(*given, data=domains_folder, **more)
    )


def _job(*given, **more):
    from harness.method import TrainJob

    return TrainJob(*given, **more)


def rows_of(path):
    return json.loads(path.read_text())["rows"]


def test_a_sweep_goes_on_where_it_was(small, tmp_path):
    path = tmp_path / "results.json"
    experiment.sweep(path, ("full",), (0,), epochs=1, options=QUICK)
    first = rows_of(path)
    more = ("full", "source_only", "images")
    experiment.sweep(path, more, (0, 1), epochs=1, options=QUICK)
    whole = rows_of(path)
    assert whole[:1] == first
    assert sorted((row["variant"], row["seed"]) for row in whole) == sorted(
        (variant, seed) for variant in ("full", "source_only", "images") for seed in (0, 1)
    )


def test_a_kept_training_is_that_of_the_command(small, job, tmp_path):
    path = tmp_path / "results.json"
    experiment.sweep(path, ("full",), (0,), epochs=2, keep=tmp_path / "kept", options=QUICK)
    kept = tmp_path / "kept" / "full-0" / "checkpoint.safetensors"
    (row,) = rows_of(path)
    assert row["metrics"] == pytest.approx(read_checkpoint(kept).metrics, abs=1e-6)
    assert kept.read_bytes() == train(job({"variant": "full"})).read_bytes()


def row(variant, seed, value):
    metrics = dict.fromkeys(experiment.COLUMNS, value)
    return {"variant": variant, "seed": seed, "data": "", "metrics": metrics, "seconds": 1}


def test_the_table_has_means_and_spreads():
    rows = [row(variant, seed, 0.1 * seed) for variant in experiment.NAMES for seed in (1, 2, 3)]
    cells = " | ".join(["0.200 ± 0.100"] * len(experiment.COLUMNS))
    assert experiment.table(rows)[2] == f"| UFDN | {cells} |"
    assert len(experiment.table(rows)) == 2 + len(experiment.NAMES)
