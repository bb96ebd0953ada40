"""The experiment in small: what it writes, and what it leaves out."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from reference.simgan import experiment
from reference.simgan.data import rendered_pictures
from reference.simgan.settings import Settings
from tests.reference.simgan.conftest import QUICK

SMALL = Settings.parse({**QUICK, "steps": "2", "refiner_steps": "1", "discriminator_steps": "1"})


@pytest.fixture(autouse=True)
def _few_judges(monkeypatch):
    monkeypatch.setattr(experiment, "PHOTOGRAPHS", 4)


@pytest.mark.parametrize("variant", experiment.VARIANTS)
def test_a_variant_is_judged_by_its_estimators(variant):
    found = experiment.measure(variant, 0, SMALL)
    full = set(experiment.PAPER_WITHIN)
    assert set(found["estimators"]) == (full if variant == "full" else {"refined 64x"})
    assert {len(each) for each in found["estimators"].values()} == {experiment.ESTIMATORS}
    assert found["iris_shift_px"]["mean"] >= 0
    assert {"first", "last"} == set(found["discriminator_accuracy"])


def test_a_smaller_set_is_the_beginning_of_a_larger_one():
    settings = Settings.parse({**QUICK, "steps": "1"})
    pictures = rendered_pictures(settings.synthetic, settings.real)
    trainer, _ = experiment.play(pictures, settings, 0)
    sets = experiment._sets("full", trainer, pictures, "cpu")
    for kind in ("synthetic", "refined"):
        whole, gaze = sets[f"{kind} 64x"]
        assert len(whole) == len(gaze) == settings.synthetic
        for size in (1, 4, 16):
            images, directions = sets[f"{kind} {size}x"]
            assert len(images) == len(directions) == settings.synthetic * size // 64
            assert torch.equal(images, whole[: len(images)])
            assert np.array_equal(directions, gaze[: len(images)])
    assert not torch.equal(sets["refined 64x"][0], sets["synthetic 64x"][0])


def row(seed, error):
    # Two estimators, a degree above and below.
    figures = [{"gaze_error_deg": error + off, "within_7_deg": error / 100} for off in (-1, 1)]
    return {"variant": "full", "seed": seed, "estimators": {"refined 4x": figures}}


def test_the_summary_has_mean_and_deviation_over_the_seeds():
    found = experiment.summary([row(0, 1.0), row(1, 2.0), row(2, 6.0)])["full"]["refined 4x"]
    assert found["gaze_error_deg"] == 3
    assert found["gaze_error_deg_std"] == pytest.approx(np.std([1, 2, 6], ddof=1))
    assert found["within_7_deg"] == pytest.approx(0.03)


def test_what_a_file_holds_is_not_done_again(tmp_path):
    out = tmp_path / "figures.json"
    out.write_text('{"rows": [{"variant": "full", "seed": 0}]}')
    command = [sys.executable, "-m", "reference.simgan.experiment", "--out", str(out)]
    options = ["--seeds", "0", "--variants", "full"]
    done = subprocess.run([*command, *options], check=True, capture_output=True, text=True)
    assert done.stderr == ""
    assert "summary" not in out.read_text()
