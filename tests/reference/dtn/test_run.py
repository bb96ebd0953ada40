"""The shipped weights on every backend, compared by DTN's own metrics."""

from __future__ import annotations

import json

import pytest

from reference.dtn import METHOD
from reference.dtn.checkpoint import read_checkpoint
from reference.dtn.experiment import table
from reference.dtn.settings import VARIANTS
from reference.dtn.train import DEFAULT_EPOCHS
from reference.training.sweep import summary
from tests.docs.examples import REPOSITORY
from tests.reference.battery.shipped import ManifestBattery, ShippedBattery, of_backends

RESULTS = REPOSITORY / "docs" / "methods" / "dtn.json"
PAGE = REPOSITORY / "docs" / "methods" / "dtn.md"
# From the best to the worst, as the paper has them.
ORDER = ("full", "no_tid", "no_const", "baseline")
# What int8 may cost on the judge's accuracy, and add to the distance of the codes.
ACCURACY_DRIFT, CONSTANCY_DRIFT = 0.03, 1.1


class TestShipped(ShippedBattery, ManifestBattery):
    method, read, items, on_board = METHOD, staticmethod(read_checkpoint), 32, 24

    @pytest.mark.sim
    def test_float_and_k210_agree_within_the_stated_tolerance(self, run):
        metrics = of_backends(run)
        for name in ("nncase", "kpu"):
            assert metrics[name]["accuracy"] >= metrics["float"]["accuracy"] - 2 / 32
            ratio = metrics[name]["f_constancy"] / metrics["float"]["f_constancy"]
            assert ratio < CONSTANCY_DRIFT

    def check_board(self, metrics):
        assert abs(metrics["board"]["accuracy"] - metrics["float"]["accuracy"]) <= 1 / 12


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
