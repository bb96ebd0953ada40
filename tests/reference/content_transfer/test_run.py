"""The shipped weights on every backend, compared by the method's own metrics."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from harness.kmodel import load
from harness.kmodel.operations import KpuConv2d
from harness.kmodel.work import work
from harness.method import EvaluationSet
from harness.pipeline.run import RunRequest, execute
from reference.content_transfer import METHOD
from reference.content_transfer.checkpoint import read_checkpoint
from reference.content_transfer.deploy import OUTPUTS
from reference.content_transfer.experiment import SEEDS, summary, table
from reference.content_transfer.settings import LEFT_OUT
from reference.weights_file import FILE_NAME
from tests.docs.examples import REPOSITORY

MANIFEST = REPOSITORY / "fixtures" / "weights" / "content_transfer.json"
RESULTS = REPOSITORY / "docs" / "methods" / "content_transfer.json"
MOST_BYTES = 1_000_000
# What bytes may cost: of the place of the content, and of the probe's accuracy.
IOU_DRIFT, PROBE_DRIFT = 0.05, 0.05
NAME = "content_transfer"


def few(count: int):
    """Return the shipped deployable with fewer pairs to compare on."""
    deployable = METHOD.deployable(METHOD.shipped())
    whole = deployable.evaluation
    return replace(deployable, evaluation=EvaluationSet(whole.ids[:count], whole.inputs[:count]))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    request = RunRequest(NAME, ("float", "nncase", "kpu"))
    return execute(few(32), tmp_path_factory.mktemp("run") / NAME, request)


@pytest.mark.sim
def test_float_and_k210_agree_within_the_stated_tolerance(run):
    assert run.report.verdict == "pass"
    metrics = {name: backend.metrics for name, backend in run.report.backends.items()}
    found, expected = metrics["nncase"], metrics["float"]
    assert abs(found["content_iou"] - expected["content_iou"]) <= IOU_DRIFT
    assert abs(found["probe_accuracy"] - expected["probe_accuracy"]) <= PROBE_DRIFT
    assert abs(found["judged_content"] - expected["judged_content"]) <= 2 / 32
    assert metrics["kpu"] == metrics["nncase"]


@pytest.mark.sim
def test_the_two_simulators_agree_to_the_bit(run):
    for name in OUTPUTS:
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
@pytest.mark.timeout(900)
def test_the_virtual_board_gives_what_the_simulator_gives(tmp_path):
    request = RunRequest(NAME, ("float", "kpu", "board"), board="virtual")
    done = execute(few(8), tmp_path / NAME, request)
    assert done.report.verdict == "pass"
    metrics = {name: backend.metrics for name, backend in done.report.backends.items()}
    assert metrics["board"] == metrics["kpu"]


def test_the_manifest_is_of_the_shipped_weights():
    manifest, path = json.loads(MANIFEST.read_text()), METHOD.shipped()
    found = read_checkpoint(path)
    assert path.stat().st_size <= MOST_BYTES
    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert manifest["metrics"] == pytest.approx(found.metrics)
    assert manifest["job"] == found.job
    assert f"k210 train {NAME}" in manifest["command"]


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
    assert kept == json.loads(json.dumps(summary(rows)))


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
    manifest, out = json.loads(MANIFEST.read_text()), tmp_path / "training"
    command = [sys.executable, "-c", "from harness.cli import main; main()", "train", NAME]
    seed = str(manifest["job"]["seed"])
    subprocess.run([*command, "--seed", seed, "--out", str(out)], check=True, capture_output=True)
    again = read_checkpoint(out / FILE_NAME)
    assert again.job == manifest["job"]
    for name, (mean, deviation) in summary(rows)["full"].items():
        assert again.metrics[name] == pytest.approx(mean, abs=max(3 * deviation, 0.03)), name
