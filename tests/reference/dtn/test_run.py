"""The shipped weights on every backend, compared by DTN's own metrics."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from harness.kmodel import load
from harness.kmodel.operations import KpuConv2d
from harness.kmodel.work import work
from harness.method import EvaluationSet
from harness.pipeline.run import RunRequest, execute
from reference.dtn import METHOD
from reference.dtn.checkpoint import read_checkpoint
from reference.dtn.experiment import summary, table
from reference.dtn.settings import VARIANTS
from reference.dtn.train import DEFAULT_EPOCHS
from tests.docs.examples import REPOSITORY

MANIFEST = REPOSITORY / "fixtures" / "weights" / "dtn.json"
RESULTS = REPOSITORY / "docs" / "methods" / "dtn.json"
PAGE = REPOSITORY / "docs" / "methods" / "dtn.md"
MOST_BYTES = 1_000_000
# From the best to the worst, as the paper has them.
ORDER = ("full", "no_tid", "no_const", "baseline")
# What int8 may cost on the judge's accuracy, and add to the distance of the codes.
ACCURACY_DRIFT, CONSTANCY_DRIFT = 0.03, 1.1


def few(count: int):
    """Return the shipped deployable with fewer pictures to compare on."""
    deployable = METHOD.deployable(METHOD.shipped())
    whole = deployable.evaluation
    cut = EvaluationSet(
        whole.ids[:count], whole.inputs[:count], whole.labels[:count], whole.classes
    )
    return replace(deployable, evaluation=cut)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    backends = ("float", "nncase", "kpu")
    return execute(few(32), tmp_path_factory.mktemp("run") / "dtn", RunRequest("dtn", backends))


@pytest.mark.sim
def test_float_and_k210_agree_within_the_stated_tolerance(run):
    assert run.report.verdict == "pass"
    metrics = {name: backend.metrics for name, backend in run.report.backends.items()}
    for name in ("nncase", "kpu"):
        assert metrics[name]["accuracy"] >= metrics["float"]["accuracy"] - 2 / 32
        ratio = metrics[name]["f_constancy"] / metrics["float"]["f_constancy"]
        assert ratio < CONSTANCY_DRIFT
    assert metrics["kpu"] == metrics["nncase"]


@pytest.mark.sim
def test_the_two_simulators_agree_to_the_bit(run):
    for name in METHOD.deployable(METHOD.shipped()).outputs:
        arrays = [np.load(run.folder / "outputs" / b / f"{name}.npy") for b in ("nncase", "kpu")]
        assert np.array_equal(*arrays)


@pytest.mark.sim
@pytest.mark.parametrize("file", ["model.kmodel", "model.v4.kmodel"])
def test_the_kpu_does_nearly_all_of_the_work(run, file):
    program = load(run.folder / file)
    found = work(program)
    on_kpu = {one.name for one in program.operations if isinstance(one, KpuConv2d)}
    total = sum(one.nominal for one in found.values())
    assert sum(found[name].nominal for name in on_kpu) / total >= 0.95


@pytest.mark.sim
@pytest.mark.slow
def test_the_virtual_board_gives_what_the_simulator_gives(tmp_path):
    request = RunRequest("dtn", ("float", "kpu", "board"), board="virtual")
    done = execute(few(24), tmp_path / "dtn", request)
    assert done.report.verdict == "pass"
    metrics = {name: backend.metrics for name, backend in done.report.backends.items()}
    assert metrics["board"] == metrics["kpu"]
    assert abs(metrics["board"]["accuracy"] - metrics["float"]["accuracy"]) <= 1 / 12


def test_the_manifest_is_of_the_shipped_weights():
    manifest = json.loads(MANIFEST.read_text())
    path = METHOD.shipped()
    assert path.stat().st_size <= MOST_BYTES
    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    found = read_checkpoint(path)
    assert manifest["metrics"] == pytest.approx(found.metrics)
    assert manifest["job"] == found.job
    assert "k210 train dtn" in manifest["command"]


def test_the_page_shows_the_results_that_lie_beside_it():
    results = json.loads(RESULTS.read_text())
    page = PAGE.read_text()
    for line in table(results["rows"]):
        assert line in page
    assert results["epochs"] == DEFAULT_EPOCHS


def test_the_experiment_shows_what_the_page_says():
    rows = json.loads(RESULTS.read_text())["rows"]
    seeds = {row["seed"] for row in rows}
    found = {(row["variant"], row["seed"]): row["metrics"] for row in rows}
    assert len(seeds) >= 3
    assert len(found) == len(seeds) * len(VARIANTS)
    means = {name: metrics["accuracy"][0] for name, metrics in summary(rows).items()}
    assert sorted(means, key=means.__getitem__, reverse=True) == list(ORDER)
    for seed in seeds:
        full, no_tid, no_const, baseline = (found[variant, seed] for variant in ORDER)
        accuracies = [one["accuracy"] for one in (full, no_tid, no_const, baseline)]
        assert accuracies == sorted(accuracies, reverse=True)
        assert min(one["f_constancy"] for one in (no_const, baseline)) > 2.5 * full["f_constancy"]
        assert no_tid["f_constancy"] == pytest.approx(full["f_constancy"], rel=0.1)
        assert no_const["rare"] < full["rare"] - 0.2
        assert no_const["often"] > full["often"]


def test_the_shipped_weights_are_of_the_experiment():
    rows = json.loads(RESULTS.read_text())["rows"]
    found = read_checkpoint(METHOD.shipped())
    (row,) = [r for r in rows if (r["variant"], r["seed"]) == ("full", found.job["seed"])]
    of_row = {name: row["metrics"][name] for name in found.metrics}
    assert of_row == pytest.approx(found.metrics, abs=1e-6)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_training_anew_reaches_the_same_within_the_spread(tmp_path):
    from harness.method import TrainJob

    rows = json.loads(RESULTS.read_text())["rows"]
    again = read_checkpoint(METHOD.train(TrainJob(out=tmp_path / "training", seed=0)))
    spreads = summary(rows)["full"]
    for name, found in again.metrics.items():
        mean, deviation = spreads[name]
        assert found == pytest.approx(mean, abs=max(3 * deviation, 0.02)), name
