"""The shipped weights on every backend, compared by UFDN's own metrics."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from harness.kmodel import load
from harness.kmodel.operations import KpuConv2d
from harness.kmodel.work import work
from harness.pipeline.run import RunRequest, execute
from reference.ufdn import METHOD
from reference.ufdn.checkpoint import read_checkpoint
from reference.ufdn.data import first, join, sample_domains
from reference.ufdn.experiment import summary, table
from reference.ufdn.metrics import DeployedMetrics
from reference.ufdn.settings import VARIANTS
from reference.ufdn.train import DEFAULT_EPOCHS
from tests.docs.examples import REPOSITORY

MANIFEST = REPOSITORY / "fixtures" / "weights" / "ufdn.json"
RESULTS = REPOSITORY / "docs" / "methods" / "ufdn.json"
PAGE = REPOSITORY / "docs" / "methods" / "ufdn.md"
MOST_BYTES = 1_000_000
# What int8 may cost of the digits, and may show of the domain.
DRIFT = 0.05


def few(count: int):
    """Return the shipped deployable with fewer pictures of each domain to compare on."""
    deployable, domains = METHOD.deployable(METHOD.shipped()), sample_domains()
    sides = [first(side, count) for side in domains.test]
    ids, images, labels = join(sides)
    cut = replace(deployable.evaluation, ids=ids, inputs=images, labels=labels)
    metrics = DeployedMetrics(deployable.module, domains, sides)
    return replace(deployable, evaluation=cut, metrics=metrics)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    backends = ("float", "nncase", "kpu")
    return execute(few(20), tmp_path_factory.mktemp("run") / "ufdn", RunRequest("ufdn", backends))


@pytest.mark.sim
def test_float_and_k210_agree_within_the_stated_tolerance(run):
    assert run.report.verdict == "pass"
    metrics = {name: backend.metrics for name, backend in run.report.backends.items()}
    for name in ("nncase", "kpu"):
        assert metrics[name]["accuracy"] >= metrics["float"]["accuracy"] - DRIFT
        assert metrics[name]["domain_linear"] <= metrics["float"]["domain_linear"] + DRIFT
        assert metrics[name]["picture_psnr_db"] > 26
        assert metrics[name]["logit_kl"] < 0.05
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
@pytest.mark.timeout(1200)
def test_the_virtual_board_gives_what_the_simulator_gives(tmp_path):
    request = RunRequest("ufdn", ("float", "kpu", "board"), board="virtual")
    done = execute(few(12), tmp_path / "ufdn", request)
    assert done.report.verdict == "pass"
    metrics = {name: backend.metrics for name, backend in done.report.backends.items()}
    assert metrics["board"] == metrics["kpu"]


def test_the_manifest_is_of_the_shipped_weights():
    manifest = json.loads(MANIFEST.read_text())
    path = METHOD.shipped()
    assert path.stat().st_size <= MOST_BYTES
    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    found = read_checkpoint(path)
    assert manifest["metrics"] == pytest.approx(found.metrics)
    assert manifest["job"] == found.job
    assert "k210 train ufdn" in manifest["command"]
    assert found.job["data"] == sample_domains().fingerprint


def test_the_page_shows_the_results_that_lie_beside_it():
    results = json.loads(RESULTS.read_text())
    page = PAGE.read_text()
    for line in table(results["rows"]):
        assert line in page
    assert results["epochs"] == DEFAULT_EPOCHS
    for name in ("domain_linear", "domain_mlp", "digit_linear", "pix_recon"):
        mean, deviation = summary(results["rows"])["images"][name]
        assert f"{mean:.3f} ± {deviation:.3f}" in page


def test_the_experiment_shows_what_the_page_says():
    rows = json.loads(RESULTS.read_text())["rows"]
    seeds = {row["seed"] for row in rows}
    found = {(row["variant"], row["seed"]): row["metrics"] for row in rows}
    assert len(seeds) >= 3
    assert set(found) >= {(variant, seed) for variant in VARIANTS for seed in seeds}
    for seed in seeds:
        full, plain, alone = (found[name, seed] for name in ("full", "no_adversary", "source_only"))
        assert full["accuracy"] > alone["accuracy"] + 0.2
        assert full["accuracy"] > 0.97
        # The domain can be read without the game, and hardly with it; the digit always.
        assert (
            full["domain_linear"] < 0.7 < 0.9 < min(plain["domain_linear"], alone["domain_linear"])
        )
        assert full["domain_mlp"] < plain["domain_mlp"] - 0.15
        assert full["source_accuracy"] > 0.9


def test_the_shipped_weights_are_of_the_experiment():
    rows = json.loads(RESULTS.read_text())["rows"]
    found = read_checkpoint(METHOD.shipped())
    (row,) = [r for r in rows if (r["variant"], r["seed"]) == ("full", found.job["seed"])]
    assert row["metrics"] == pytest.approx(found.metrics, abs=1e-6)
    assert row["data"] == found.job["data"]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_training_anew_reaches_the_same_within_the_spread(tmp_path):
    from harness.method import TrainJob

    rows = json.loads(RESULTS.read_text())["rows"]
    again = read_checkpoint(METHOD.train(TrainJob(out=tmp_path / "training", seed=0)))
    for name, (mean, deviation) in summary(rows)["full"].items():
        if name != "best_epoch":  # of many epochs that are as good
            assert again.metrics[name] == pytest.approx(mean, abs=max(3 * deviation, 0.03)), name
