"""The sweep: what it keeps, that it goes on, and what it says of means and spreads."""

from __future__ import annotations

import json

import pytest

from reference.stereonet import experiment, motorcycle
from reference.stereonet.data import judging
from reference.stereonet.train import train
from tests.reference.stereonet.conftest import QUICK


@pytest.fixture(autouse=True)
def _few_pairs_judge(monkeypatch):
    pytest.importorskip("skimage", reason="scikit-image, which has the real pair, is missing")
    monkeypatch.setattr(experiment, "judging", lambda noise=0.0: judging(2, noise))
    # A corner of it, so that this is over soon.
    whole = motorcycle.load_motorcycle()
    corner = motorcycle.RealPair(
        *(side[..., :96, :160] for side in (whole.left, whole.right, whole.disparity))
    )
    monkeypatch.setattr(experiment, "load_motorcycle", lambda: corner)


def rows_of(path):
    return json.loads(path.read_text())["rows"]


def test_a_sweep_goes_on_where_it_was(tmp_path):
    path = tmp_path / "results.json"
    asked = {"work": tmp_path / "work", "seeds": (0,), "epochs": 1, "options": QUICK}
    experiment.sweep(path, variants=("multi_4",), **asked)
    (first,) = rows_of(path)
    experiment.sweep(path, variants=("multi_4", "single_4"), **asked)
    whole = rows_of(path)
    assert whole[0] == first
    assert [row["variant"] for row in whole] == ["multi_4", "single_4"]
    assert "epe_2" not in whole[1]["metrics"]
    assert set(json.loads(path.read_text())["windows"]) == {"noise_0", "noise_2", "noise_5"}


def test_its_trainings_are_those_of_the_command(job, tmp_path):
    path, work = tmp_path / "results.json", tmp_path / "work"
    experiment.sweep(path, work, ("multi_4",), (0,), 1, options=QUICK)
    kept = work / "multi_4-0" / "checkpoint.safetensors"
    assert kept.read_bytes() == train(job()).read_bytes()


def row(variant, seed, epe):
    names = ("epe", "epe_noise_2", "epe_noise_5", "bad_1", "epe_0", "epe_1")
    return {"variant": variant, "seed": seed, "metrics": dict.fromkeys(names, epe)}


def test_the_table_of_levels_has_means_and_spreads():
    rows = [row("multi_4", seed, 0.1 * seed) for seed in (1, 2, 3)] + [row("single_4", 0, 0.25)]
    lines = experiment.levels_table(rows)
    name = experiment.NAMES["multi_4"]
    assert lines[2] == f"| {name} | 0.200 ± 0.100 | 0.200 ± 0.100 |  |  |  |"
    assert "| 0.250 | 0.250 |" in lines[3]


def test_the_table_has_windows_beside_trainings():
    windows = {
        name: {one: {"epe": 0.5, "bad_1": 0.04} for one in ("soft", "argmin", "median")}
        for name in ("noise_0", "noise_2", "noise_5")
    }
    lines = experiment.table({"rows": [row("multi_4", 0, 0.2)], "windows": windows})
    assert lines[2].endswith("| 0.200 | 0.200 | 0.200 | 20.0 % |")
    assert lines[3] == f"| {experiment.NAMES['soft']} | 0.500 | 0.500 | 0.500 | 4.0 % |"
