"""The shipped weights on every backend, and what the page says of the experiment."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from harness.kmodel import load
from harness.method import EvaluationSet, TrainJob
from harness.pipeline.run import RunRequest, execute
from reference.stereonet import METHOD
from reference.stereonet.checkpoint import read_checkpoint
from reference.stereonet.data import judging
from reference.stereonet.experiment import (
    VARIANTS,
    levels_table,
    metrics_of,
    of_windows,
    real_table,
    table,
)
from reference.stereonet.method import DRIFT_PX, EPE_CHANGE_PX
from reference.stereonet.metrics import predict
from reference.stereonet.settings import Settings
from reference.stereonet.train import DEFAULT_EPOCHS
from reference.stereonet.whole import whole_deployable
from reference.training.sweep import summary
from tests.docs.examples import REPOSITORY
from tests.reference.battery.shipped import ManifestBattery, ShippedBattery, of_backends
from tests.reference.stereonet.figures import share_on_kpu

RESULTS = REPOSITORY / "docs" / "methods" / "stereonet.json"
PAGE = REPOSITORY / "docs" / "methods" / "stereonet.md"
AIM_PX = 0.25
PAIRS = 4


def check_drift(metrics, backends) -> None:
    for name in backends:
        assert metrics[name]["drift_px"] <= DRIFT_PX
        assert abs(metrics[name]["epe"] - metrics["float"]["epe"]) <= EPE_CHANGE_PX


class TestShipped(ShippedBattery, ManifestBattery):
    method, read = METHOD, staticmethod(read_checkpoint)
    # Two pictures a pair.
    items, on_board, share = 2 * PAIRS, 4, 1.0

    @pytest.mark.sim
    def test_float_and_k210_agree_within_the_stated_tolerance(self, run):
        check_drift(of_backends(run), ("nncase", "kpu"))
        assert of_backends(run)["float"]["drift_px"] < 1e-3

    @pytest.mark.sim
    @pytest.mark.parametrize("file", ["model.kmodel", "model.v4.kmodel"])
    def test_there_are_but_convolutions_between_picture_and_features(self, run, file):
        # Which leave as floats: version 4 writes that as two operations.
        names = [type(one).__name__ for one in load(run.folder / file).operations]
        assert set(names[1:-2]) <= {"KpuConv2d", "KpuDownload", "Dequantize"}

    def check_board(self, metrics):
        check_drift(metrics, ("kpu", "board"))


@pytest.mark.sim
@pytest.mark.slow
def test_a_whole_pair_in_one_model_agrees_too(tmp_path):
    deployable = whole_deployable(METHOD.shipped())
    whole = deployable.evaluation
    cut = replace(deployable, evaluation=EvaluationSet(whole.ids[:PAIRS], whole.inputs[:PAIRS]))
    request = RunRequest("stereonet_whole", ("float", "nncase", "kpu"))
    done = execute(cut, tmp_path / "whole", request)
    assert done.report.verdict == "pass"
    check_drift(of_backends(done), ("nncase", "kpu"))
    assert share_on_kpu((done.folder / "model.kmodel").read_bytes()) >= 0.95


def test_the_shipped_weights_know_a_shift():
    """All that a pair is moved by more is found, in pixels, where nothing is cut off."""
    pairs, moved = judging(4), 4
    network = read_checkpoint(METHOD.shipped()).network()
    before = predict(network, pairs.left, pairs.right)[-1]
    further = np.roll(pairs.right, -moved, axis=3)
    after = predict(network, pairs.left, further)[-1]
    inner = (slice(None), slice(None), slice(8, -8), slice(40, -16))
    assert (after - before)[inner].median().item() == pytest.approx(moved, abs=0.5)


@pytest.fixture(scope="module")
def results():
    return json.loads(RESULTS.read_text())


def test_the_page_shows_the_results_that_lie_beside_it(results):
    page = PAGE.read_text()
    for line in (*table(results), *levels_table(results["rows"]), *real_table(results)):
        assert line in page
    assert results["epochs"] == DEFAULT_EPOCHS


def test_the_windows_are_those_of_the_page(results):
    assert of_windows(0.0) == results["windows"]["noise_0"]


def test_the_experiment_shows_what_the_page_says(results):
    rows, windows = results["rows"], results["windows"]
    assert {row["variant"] for row in rows} <= set(VARIANTS)
    assert len({row["seed"] for row in rows if row["variant"] == "multi_4"}) >= 3
    for row in (row for row in rows if row["variant"] == "multi_4"):
        found = row["metrics"]
        for noise, name in (
            ("noise_0", "epe"),
            ("noise_2", "epe_noise_2"),
            ("noise_5", "epe_noise_5"),
        ):
            assert found[name] < 0.5 * min(windows[noise][one]["epe"] for one in ("soft", "argmin"))
        assert found["epe"] < AIM_PX
        # Each refiner lowers the error.
        levels = [found[f"epe_{number}"] for number in range(3)]
        assert levels == sorted(levels, reverse=True)
        # Of dots alone it learns little about photographs.
        assert found["real_epe"] > results["real"]["argmin"]["epe"]
    for row in (row for row in rows if row["variant"] == "textures"):
        found, windows_of_real = row["metrics"], results["real"]
        assert found["real_volume_epe"] < windows_of_real["argmin"]["epe"]
        assert found["real_epe"] < 0.8 * windows_of_real["soft"]["epe"]
        # What refiners learn of rendered scenes does not serve the real pair.
        assert found["real_epe"] > found["real_volume_epe"]


def test_the_shipped_weights_are_of_the_experiment(results):
    found = read_checkpoint(METHOD.shipped())
    (row,) = [
        row
        for row in results["rows"]
        if (row["variant"], row["seed"]) == ("multi_4", found.job["seed"])
    ]
    for name, value in found.metrics.items():
        assert row["metrics"][name] == pytest.approx(value, abs=1e-5), name
    assert found.structure == Settings().structure


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_training_anew_reaches_the_same_within_the_spread(tmp_path, results):
    again = metrics_of(METHOD.train(TrainJob(out=tmp_path / "training", seed=0)))
    for name, (mean, deviation) in summary(results["rows"])["multi_4"].items():
        if name.startswith("epe"):
            assert again[name] == pytest.approx(mean, abs=max(3 * deviation, 0.03)), name
