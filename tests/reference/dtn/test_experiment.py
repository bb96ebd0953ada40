"""The sweep: what it keeps, that it goes on, and what it says of means and spreads."""

from __future__ import annotations

import json

import pytest

from reference.dtn import data, experiment
from reference.dtn.checkpoint import read_checkpoint
from reference.dtn.settings import VARIANTS, Settings
from reference.dtn.train import train


@pytest.fixture
def small(monkeypatch, domains_folder):
    """Make the experiment one of two small domains and small networks."""
    quick = {"width": 1 / 32, "batch": 8, "f_epochs": 2, "judge_epochs": 2}
    monkeypatch.setattr(experiment, "load_domains", lambda _: data.load_domains(domains_folder))
    monkeypatch.setattr(experiment, "Settings", lambda **given: Settings(**quick, **given))


def rows_of(path):
    return json.loads(path.read_text())["rows"]


def test_a_sweep_goes_on_where_it_was(small, tmp_path):
    path = tmp_path / "results.json"
    experiment.sweep(path, ("full", "baseline"), (0,), epochs=1)
    first = rows_of(path)
    assert [(row["variant"], row["seed"]) for row in first] == [("full", 0), ("baseline", 0)]
    experiment.sweep(path, VARIANTS, (0, 1), epochs=1)
    whole = rows_of(path)
    assert whole[:2] == first
    assert sorted((row["variant"], row["seed"]) for row in whole) == sorted(
        (variant, seed) for variant in VARIANTS for seed in (0, 1)
    )


def test_a_kept_checkpoint_is_that_of_a_training(small, job, tmp_path):
    path = tmp_path / "results.json"
    experiment.sweep(path, ("full",), (0,), epochs=2, keep=tmp_path / "kept")
    kept = tmp_path / "kept" / "full-0.safetensors"
    assert kept.read_bytes() == train(job()).read_bytes()
    (row,) = rows_of(path)
    found = read_checkpoint(kept)
    # Both classes of the small domains are ones that T shows often.
    also = {"often": found.metrics["accuracy"]}
    assert row["metrics"] == pytest.approx(found.metrics | also, abs=1e-6)


def row(variant, seed, accuracy):
    metrics = {"accuracy": accuracy, "often": 0.75, "rare": 0.25, "f_constancy": 0.5}
    return {"variant": variant, "seed": seed, "metrics": metrics, "seconds": 1}


def test_the_table_has_means_and_spreads():
    rows = [row(variant, seed, 0.1 * seed) for variant in VARIANTS for seed in (1, 2, 3)]
    assert experiment.table(rows)[2] == (
        "| DTN | 0.200 ± 0.100 | 0.750 ± 0.000 | 0.250 ± 0.000 | 0.500 ± 0.000 |"
    )


def test_one_seed_has_no_spread():
    rows = [row(variant, 0, 0.25) for variant in VARIANTS]
    assert experiment.table(rows)[2] == "| DTN | 0.250 | 0.750 | 0.250 | 0.500 |"
