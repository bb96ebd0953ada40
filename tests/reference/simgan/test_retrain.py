"""The shipped weights can be made again, and the committed figures show what the page says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from harness.method import TrainJob
from reference.shipped import weights_file
from reference.simgan import METHOD
from reference.simgan.data import load_pictures
from reference.simgan.experiment import ESTIMATORS, VARIANTS, figure, labels_table, summary, table
from reference.simgan.settings import Settings
from tests.reference.simgan.photographs import on_photographs

FIGURES = Path(__file__).resolve().parents[3] / "docs" / "methods" / "simgan.json"


@pytest.fixture(scope="module")
def figures():
    return json.loads(FIGURES.read_text())


def errors(figures, variant, name):
    rows = [row for row in figures["rows"] if row["variant"] == variant]
    return np.array([error(row, name) for row in rows])


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_command_of_the_manifest_makes_weights_as_good(tmp_path):
    manifest = json.loads(weights_file("simgan.json").read_text())
    assert manifest["job"]["data"] == load_pictures(None, Settings()).fingerprint()
    job = TrainJob(out=tmp_path / "training", seed=manifest["job"]["seed"])
    found = on_photographs(METHOD.train(job))
    for name, value in manifest["metrics"].items():
        assert found[name] == pytest.approx(value, abs=manifest["spread"][name])


def test_the_summary_is_that_of_the_rows(figures):
    assert figures["summary"] == summary(figures["rows"])


def test_the_page_shows_these_figures(figures):
    page = FIGURES.with_suffix(".md").read_text()
    begin, end = (page.index(f"<!-- figures: {mark} -->") for mark in ("begin", "end"))
    assert table(figures["rows"]) in page[begin:end]
    assert labels_table(figures["rows"]) in page


def test_each_variant_was_measured_over_three_seeds(figures):
    for variant in {row["variant"] for row in figures["rows"]}:
        assert variant in VARIANTS
        seeds = [row["seed"] for row in figures["rows"] if row["variant"] == variant]
        assert len(seeds) == len(set(seeds)) >= 3
    counts = {len(each) for row in figures["rows"] for each in row["estimators"].values()}
    assert counts == {ESTIMATORS}


@pytest.mark.parametrize("size", ["1x", "4x", "16x", "64x"])
def test_estimators_learn_more_from_refined_than_from_synthetic_pictures(figures, size):
    refined, synthetic = (
        errors(figures, "full", f"{kind} {size}") for kind in ("refined", "synthetic")
    )
    assert (refined < synthetic).all()


def test_more_refined_pictures_teach_more(figures):
    by_size = np.array([errors(figures, "full", f"refined {size}x") for size in (1, 4, 16, 64)])
    assert (np.diff(by_size.mean(axis=1)) < 0).all()
    # All of them for every seed.
    assert (by_size[3] < by_size[[0, 2]]).all()


def test_refining_moves_the_iris_by_less_than_a_pixel(figures):
    rows = [row for row in figures["rows"] if row["variant"] == "full"]
    assert all(row["iris_shift_px"]["mean"] < 1 for row in rows)


def test_without_self_regularisation_the_labels_are_lost(figures):
    full = {row["seed"]: row for row in figures["rows"] if row["variant"] == "full"}
    for row in figures["rows"]:
        if row["variant"] == "no self-regularisation":
            kept = full[row["seed"]]
            assert row["iris_shift_px"]["mean"] > 2 * kept["iris_shift_px"]["mean"]
            assert error(row, "refined 64x") > 1.5 * error(kept, "refined 64x")
            assert error(row, "refined 64x") > error(kept, "synthetic 64x")


def error(row, name):
    return figure(row, name, "gaze_error_deg")


def test_the_discriminator_comes_to_doubt(figures):
    for row in figures["rows"]:
        if row["variant"] == "full":
            accuracy = row["discriminator_accuracy"]
            assert 0.5 < accuracy["last"] < accuracy["first"]


def test_the_shipped_weights_are_those_of_the_figures(figures):
    manifest = json.loads(weights_file("simgan.json").read_text())
    (row,) = [
        row
        for row in figures["rows"]
        if (row["variant"], row["seed"]) == ("full", manifest["job"]["seed"])
    ]
    for name, value in manifest["metrics"].items():
        assert row["estimators"]["refined 64x"][0][name] == pytest.approx(value, abs=1e-6)
