"""The shipped filters on every backend, compared by the sound that is heard with them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from harness.kmodel import load
from harness.kmodel.operations import KpuConv2d
from harness.kmodel.work import work
from harness.method import EvaluationSet, TrainJob
from harness.pipeline.run import RunRequest, execute
from reference.visual_microphone import METHOD
from reference.visual_microphone.checkpoint import read_checkpoint
from tests.docs.examples import REPOSITORY

MANIFEST = REPOSITORY / "fixtures" / "weights" / "visual_microphone.json"
# What 8 bits may cost the sound, at a motion of a tenth of a pixel.
MOST_DB = 1.0


def first(count: int):
    """Return the shipped deployable with fewer frames to compare on."""
    deployable = METHOD.deployable(METHOD.shipped())
    whole = deployable.evaluation
    cut = EvaluationSet(whole.ids[:count], whole.inputs[:count])
    return replace(deployable, evaluation=cut)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    request = RunRequest("visual_microphone", ("float", "nncase", "kpu"))
    deployable = first(128)
    return execute(deployable, tmp_path_factory.mktemp("run") / "out", request)


@pytest.mark.sim
def test_the_k210_hears_within_a_decibel_of_float_and_of_the_pyramid(run):
    assert run.report.verdict == "pass"
    metrics = {name: backend.metrics for name, backend in run.report.backends.items()}
    for name in ("nncase", "kpu"):
        assert metrics[name]["snr_db"] > metrics["float"]["snr_db"] - MOST_DB
        assert metrics[name]["correlation"] > 0.995
    assert metrics["kpu"] == metrics["nncase"]
    assert metrics["kpu"]["snr_db"] > 23


@pytest.mark.sim
def test_the_two_simulators_agree_to_the_bit(run):
    arrays = [np.load(run.folder / "outputs" / name / "maps.npy") for name in ("nncase", "kpu")]
    assert np.array_equal(*arrays)


@pytest.mark.sim
@pytest.mark.parametrize("file", ["model.kmodel", "model.v4.kmodel"])
def test_the_kpu_does_all_of_the_work(run, file):
    program = load(run.folder / file)
    found = work(program)
    on_kpu = {one.name for one in program.operations if isinstance(one, KpuConv2d)}
    total = sum(one.nominal for one in found.values())
    assert total > 0
    assert sum(found[name].nominal for name in on_kpu) / total >= 0.95


@pytest.mark.sim
@pytest.mark.slow
def test_the_virtual_board_gives_what_the_simulator_gives(tmp_path):
    """Few frames, as four maps a frame take their time on a serial line."""
    few = first(4)
    request = RunRequest("visual_microphone", ("float", "kpu", "board"), board="virtual")
    done = execute(few, tmp_path / "out", request)
    assert done.report.verdict == "pass"
    arrays = [np.load(done.folder / "outputs" / name / "maps.npy") for name in ("kpu", "board")]
    assert np.array_equal(*arrays)


def test_the_manifest_is_of_the_shipped_filters():
    manifest, path = json.loads(MANIFEST.read_text()), METHOD.shipped()
    assert path.stat().st_size <= 1_000_000
    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    found = read_checkpoint(path)
    assert manifest["metrics"] == pytest.approx(found.metrics)
    assert (manifest["job"], manifest["settings"]) == (found.job, vars(found.settings))
    assert "k210 train visual_microphone --seed 0" in manifest["command"]


def test_fitting_anew_gives_the_same_filters(tmp_path):
    again = read_checkpoint(METHOD.train(TrainJob(out=tmp_path, seed=0)))
    shipped = read_checkpoint(METHOD.shipped())
    assert again.kernels.numpy() == pytest.approx(shipped.kernels.numpy(), abs=1e-5)
    assert again.metrics["snr_db"] == pytest.approx(shipped.metrics["snr_db"], abs=0.1)
    assert again.job == shipped.job
