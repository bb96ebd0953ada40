"""The shipped weights on every backend, compared by the method's own metrics."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from reference.content_transfer import METHOD
from reference.content_transfer.checkpoint import read_checkpoint
from reference.content_transfer.experiment import table
from reference.content_transfer.settings import LEFT_OUT
from reference.shipped import weights_file
from reference.training.sweep import SEEDS, summary
from reference.weights_file import FILE_NAME
from tests.docs.examples import REPOSITORY
from tests.reference.battery.shipped import ManifestBattery, ShippedBattery, of_backends

RESULTS = REPOSITORY / "docs" / "methods" / "content_transfer.json"
# What bytes may cost: of the place of the content, and of the probe's accuracy.
IOU_DRIFT, PROBE_DRIFT = 0.05, 0.05
NAME = "content_transfer"


class TestShipped(ShippedBattery, ManifestBattery):
    method, read, items, on_board = METHOD, staticmethod(read_checkpoint), 32, 8

    @pytest.mark.sim
    def test_float_and_k210_agree_within_the_stated_tolerance(self, run):
        found, expected = of_backends(run)["nncase"], of_backends(run)["float"]
        assert abs(found["content_iou"] - expected["content_iou"]) <= IOU_DRIFT
        assert abs(found["probe_accuracy"] - expected["probe_accuracy"]) <= PROBE_DRIFT
        assert abs(found["judged_content"] - expected["judged_content"]) <= 2 / 32


@pytest.fixture(scope="module")
def rows():
    return json.loads(RESULTS.read_text())["rows"]


def of_seeds(rows, variant: str, name: str) -> np.ndarray:
    same = [row for row in rows if row["variant"] == variant]
    return np.array([row["metrics"][name] for row in sorted(same, key=lambda row: row["seed"])])


def test_every_variant_was_measured_on_all_seeds(rows):
    found = [(row["variant"], row["seed"]) for row in rows]
    assert sorted(found) == sorted((variant, seed) for variant in LEFT_OUT for seed in SEEDS)
    assert len(SEEDS) >= 3


def test_the_page_shows_the_results_that_lie_beside_it(rows):
    page = RESULTS.with_suffix(".md").read_text()
    for line in table(rows):
        assert line in page
    kept = json.loads(RESULTS.read_text())["summary"]
    found = summary(rows)
    assert list(kept) == list(found)
    for variant, figures in found.items():
        assert kept[variant].keys() == figures.keys()
        for name, values in figures.items():
            assert kept[variant][name] == pytest.approx(list(values)), (variant, name)


def test_with_all_losses_the_content_moves_and_the_rest_stays(rows):
    assert (of_seeds(rows, "full", "content_iou") > 0.3).all()
    assert (of_seeds(rows, "full", "own_guide") > 0.75).all()
    assert (of_seeds(rows, "full", "removed_judged_content") < 0.1).all()
    assert (of_seeds(rows, "full", "outside_rmse") < 0.15).all()


def test_without_the_confusion_the_content_stays_where_it_is(rows):
    """E1 keeps the glasses: they neither go from B nor come to A."""
    without, whole = (
        {name: of_seeds(rows, variant, name) for name in rows[0]["metrics"]}
        for variant in ("no_confusion", "full")
    )
    assert (without["removed_judged_content"] > 0.5).all()
    assert (without["content_left"] > 1.5 * whole["content_left"]).all()
    assert (without["content_iou"] < 0.5 * whole["content_iou"]).all()


def test_without_the_reconstruction_of_a_the_zeroed_code_loses_the_face(rows):
    without, whole = (of_seeds(rows, name, "plain_rmse") for name in ("no_rec_a", "full"))
    assert (without > 1.5 * whole).all()


def test_without_the_reconstruction_of_b_nothing_moves(rows):
    without, whole = (of_seeds(rows, name, "content_iou") for name in ("no_rec_b", "full"))
    assert (without < 0.5 * whole).all()
    assert (
        of_seeds(rows, "no_rec_b", "content_rmse") > of_seeds(rows, "full", "content_rmse")
    ).all()


def test_the_shipped_weights_are_of_the_experiment(rows):
    found = read_checkpoint(METHOD.shipped())
    (row,) = [r for r in rows if (r["variant"], r["seed"]) == ("full", found.job["seed"])]
    assert row["metrics"] == pytest.approx(found.metrics, abs=1e-6)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_training_anew_reaches_the_same_within_the_spread(rows, tmp_path):
    # By the command as it is: in this process fewer faces are judged.
    manifest = json.loads(weights_file(f"{NAME}.json").read_text())
    out = tmp_path / "training"
    command = [sys.executable, "-c", "from harness.cli import main; main()", "train", NAME]
    seed = str(manifest["job"]["seed"])
    subprocess.run([*command, "--seed", seed, "--out", str(out)], check=True, capture_output=True)
    again = read_checkpoint(out / FILE_NAME)
    assert again.job == manifest["job"]
    for name, (mean, deviation) in summary(rows)["full"].items():
        assert again.metrics[name] == pytest.approx(mean, abs=max(3 * deviation, 0.03)), name
