"""The shipped weights on every backend, and what the page says of the experiment."""

from __future__ import annotations

import hashlib
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
    summary,
    table,
)
from reference.stereonet.method import DRIFT_PX, EPE_CHANGE_PX
from reference.stereonet.metrics import predict
from reference.stereonet.settings import Settings
from reference.stereonet.train import DEFAULT_EPOCHS
from reference.stereonet.whole import whole_deployable
from tests.docs.examples import REPOSITORY
from tests.reference.stereonet.figures import share_on_kpu

MANIFEST = REPOSITORY / "fixtures" / "weights" / "stereonet.json"
RESULTS = REPOSITORY / "docs" / "methods" / "stereonet.json"
PAGE = REPOSITORY / "docs" / "methods" / "stereonet.md"
MOST_BYTES = 1_000_000
PAIRS = 4


def few(count: int = PAIRS):
    """Return the shipped deployable with fewer pairs to compare on."""
    deployable = METHOD.deployable(METHOD.shipped())
    whole = deployable.evaluation
    cut = EvaluationSet(whole.ids[: 2 * count], whole.inputs[: 2 * count])
    return replace(deployable, evaluation=cut)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    request = RunRequest("stereonet", ("float", "nncase", "kpu"))
    return execute(few(), tmp_path_factory.mktemp("run") / "stereonet", request)


def check_drift(report, backends) -> None:
    assert report.verdict == "pass"
    metrics = {name: backend.metrics for name, backend in report.backends.items()}
    for name in backends:
        assert metrics[name]["drift_px"] <= DRIFT_PX
        assert abs(metrics[name]["epe"] - metrics["float"]["epe"]) <= EPE_CHANGE_PX


@pytest.mark.sim
def test_float_and_k210_agree_within_the_stated_tolerance(run):
    check_drift(run.report, ("nncase", "kpu"))
    metrics = {name: backend.metrics for name, backend in run.report.backends.items()}
    assert metrics["kpu"] == metrics["nncase"]
    assert metrics["float"]["drift_px"] < 1e-3


@pytest.mark.sim
def test_the_two_simulators_agree_to_the_bit(run):
    arrays = [np.load(run.folder / "outputs" / b / "features.npy") for b in ("nncase", "kpu")]
    assert np.array_equal(*arrays)


@pytest.mark.sim
@pytest.mark.parametrize("file", ["model.kmodel", "model.v4.kmodel"])
def test_the_kpu_does_all_of_the_work(run, file):
    kmodel = (run.folder / file).read_bytes()
    assert share_on_kpu(kmodel) == 1
    # Nothing but convolutions between the picture and the features, which leave as floats:
    # version 4 writes that as two operations.
    names = [type(one).__name__ for one in load(kmodel).operations]
    assert set(names[1:-2]) <= {"KpuConv2d", "KpuDownload", "Dequantize"}


@pytest.mark.sim
@pytest.mark.slow
def test_the_virtual_board_gives_what_the_simulator_gives(tmp_path):
    request = RunRequest("stereonet", ("float", "kpu", "board"), board="virtual")
    done = execute(few(2), tmp_path / "stereonet", request)
    check_drift(done.report, ("kpu", "board"))
    metrics = {name: backend.metrics for name, backend in done.report.backends.items()}
    assert metrics["board"] == metrics["kpu"]


@pytest.mark.sim
@pytest.mark.slow
def test_a_whole_pair_in_one_model_agrees_too(tmp_path):
    deployable = whole_deployable(METHOD.shipped())
    whole = deployable.evaluation
    cut = replace(deployable, evaluation=EvaluationSet(whole.ids[:PAIRS], whole.inputs[:PAIRS]))
    request = RunRequest("stereonet_whole", ("float", "nncase", "kpu"))
    done = execute(cut, tmp_path / "whole", request)
    check_drift(done.report, ("nncase", "kpu"))
    assert share_on_kpu((done.folder / "model.kmodel").read_bytes()) >= 0.95


def test_the_manifest_is_of_the_shipped_weights():
    manifest = json.loads(MANIFEST.read_text())
    path = METHOD.shipped()
    assert path.stat().st_size <= MOST_BYTES
    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    found = read_checkpoint(path)
    assert manifest["metrics"] == pytest.approx(found.metrics)
    assert manifest["job"] == found.job
    assert "k210 train stereonet" in manifest["command"]


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
            assert found[name] < 0.8 * min(windows[noise][one]["epe"] for one in ("soft", "argmin"))
        # Each refiner lowers the error.
        levels = [found[f"epe_{number}"] for number in range(3)]
        assert levels == sorted(levels, reverse=True)
        # Of dots alone it learns little about photographs.
        assert found["real_epe"] > results["real"]["argmin"]["epe"]


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
