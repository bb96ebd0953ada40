"""The shipped weights on every backend, compared by UFDN's own metrics."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from reference.training.sweep import summary
from reference.ufdn import METHOD
from reference.ufdn.checkpoint import read_checkpoint
from reference.ufdn.data import first, join, sample_domains
from reference.ufdn.experiment import table
from reference.ufdn.metrics import DeployedMetrics
from reference.ufdn.settings import VARIANTS, Settings
from reference.ufdn.train import DEFAULT_EPOCHS
from tests.docs.examples import REPOSITORY
from tests.reference.battery.shipped import ManifestBattery, ShippedBattery, of_backends

RESULTS = REPOSITORY / "docs" / "methods" / "ufdn.json"
PAGE = REPOSITORY / "docs" / "methods" / "ufdn.md"
# What int8 may cost of the digits, and may show of the domain.
DRIFT = 0.05


class TestShipped(ShippedBattery, ManifestBattery):
    method, read = METHOD, staticmethod(read_checkpoint)
    # Of each domain; from five pictures the virtual board would also be timed, for minutes.
    items, on_board = 20, 2

    @classmethod
    def few(cls, count):
        deployable, domains = METHOD.deployable(METHOD.shipped()), sample_domains()
        sides = [first(side, count) for side in domains.test]
        ids, images, labels = join(sides)
        cut = replace(deployable.evaluation, ids=ids, inputs=images, labels=labels)
        metrics = DeployedMetrics(deployable.module, domains, sides)
        return replace(deployable, evaluation=cut, metrics=metrics)

    @pytest.mark.sim
    def test_float_and_k210_agree_within_the_stated_tolerance(self, run):
        metrics = of_backends(run)
        for name in ("nncase", "kpu"):
            assert metrics[name]["accuracy"] >= metrics["float"]["accuracy"] - DRIFT
            assert metrics[name]["domain_linear"] <= metrics["float"]["domain_linear"] + DRIFT
            assert metrics[name]["picture_psnr_db"] > 26
            assert metrics[name]["logit_kl"] < 0.05

    def test_the_shipped_weights_are_of_the_sample_domains(self):
        found = read_checkpoint(METHOD.shipped())
        assert found.job["data"] == sample_domains().fingerprint


def test_the_page_shows_the_results_that_lie_beside_it():
    results = json.loads(RESULTS.read_text())
    page = PAGE.read_text()
    for line in table(results["rows"]):
        assert line in page
    assert results["defaults"] == asdict(Settings())
    own = [row for row in results["rows"] if row["variant"] in VARIANTS]
    assert {row["epochs"] for row in own} == {DEFAULT_EPOCHS}
    assert all(row["options"] == {"variant": row["variant"]} for row in own)
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
            full["domain_linear"] < 0.65 < 0.7 < min(plain["domain_linear"], alone["domain_linear"])
        )
        assert full["domain_mlp"] < 0.65 < 0.95 < min(plain["domain_mlp"], alone["domain_mlp"])
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
