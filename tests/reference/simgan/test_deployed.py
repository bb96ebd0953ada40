"""The shipped refiner on the K210's simulators and on the virtual board."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from harness.kmodel import load
from harness.method import EvaluationSet
from harness.pipeline.run import RunRequest, execute
from reference.shipped import weights_file
from reference.simgan import METHOD
from reference.simgan.checkpoint import read_checkpoint
from reference.simgan.method import RMSE
from reference.simgan.networks import Refiner
from reference.simgan.structure import refiner_parameters
from tests.reference.simgan.photographs import on_photographs

# What the page promises.
LEAST_PSNR_DB = 35.0
MOST_GAZE_DRIFT_DEG = 0.5


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    deployable = METHOD.deployable(METHOD.shipped())
    request = RunRequest(method="simgan", backends=("float", "nncase", "kpu"))
    return execute(deployable, tmp_path_factory.mktemp("runs") / "run", request)


def outputs(result, backend):
    return np.load(result.folder / "outputs" / backend / "refined.npy")


@pytest.mark.sim
def test_the_k210_refines_as_pytorch_does(result):
    assert result.report.verdict == "pass"
    difference = outputs(result, "nncase") - outputs(result, "float")
    psnr = 20 * np.log10(2 / np.sqrt(np.mean(difference**2)))
    assert psnr >= LEAST_PSNR_DB
    assert pytest.approx(LEAST_PSNR_DB) == 20 * np.log10(2 / RMSE)
    assert np.array_equal(outputs(result, "kpu"), outputs(result, "nncase"))


@pytest.mark.sim
def test_labels_drift_by_less_than_half_a_degree(result):
    metrics = {name: backend.metrics for name, backend in result.report.backends.items()}
    drift = abs(metrics["nncase"]["gaze_error_deg"] - metrics["float"]["gaze_error_deg"])
    assert drift <= MOST_GAZE_DRIFT_DEG
    assert abs(metrics["nncase"]["taken_for_real"] - metrics["float"]["taken_for_real"]) <= 0.05


@pytest.mark.sim
def test_every_multiplication_runs_on_the_kpu(result):
    on_cpu = {entry.operation for entry in result.report.operations if entry.unit == "CPU"}
    assert on_cpu <= {"Dequantize"}
    convolutions = [one for one in result.report.operations if one.operation == "KPUConv2D"]
    assert len(convolutions) == 1 + 8 + 1


@pytest.mark.sim
def test_stock_firmware_gets_the_same_bits(result):
    assert load(result.folder / "model.kmodel").version == 5
    assert load(result.folder / "model.v4.kmodel").version == 4
    stock = json.loads((result.folder / "contract.json").read_text())["stock"]
    assert [one["file"] for one in stock] == ["model.v4.kmodel"]


@pytest.mark.sim
@pytest.mark.slow
def test_the_virtual_board_gives_the_kpus_bits(tmp_path):
    deployable = METHOD.deployable(METHOD.shipped())
    few = EvaluationSet(deployable.evaluation.ids[:8], deployable.evaluation.inputs[:8])
    deployable = replace(deployable, evaluation=few)
    backends = ("float", "nncase", "kpu", "board")
    request = RunRequest(method="simgan", backends=backends, board="virtual")
    result = execute(deployable, tmp_path / "run", request)
    assert result.report.verdict == "pass"
    assert np.array_equal(outputs(result, "board"), outputs(result, "kpu"))


def test_the_shipped_weights_are_as_their_manifest_says():
    manifest = json.loads(weights_file("simgan.json").read_text())
    checkpoint = read_checkpoint(METHOD.shipped())
    assert METHOD.shipped().stat().st_size <= 1_000_000
    assert hashlib.sha256(METHOD.shipped().read_bytes()).hexdigest() == manifest["sha256"]
    assert "k210 train simgan" in manifest["command"]
    assert dict(checkpoint.job) == manifest["job"]
    network = checkpoint.networks.refiner
    assert isinstance(network, Refiner)
    assert sum(weight.numel() for weight in network.parameters()) == refiner_parameters(0.25)


def test_the_shipped_weights_reach_the_manifests_figures():
    manifest = json.loads(weights_file("simgan.json").read_text())
    found = on_photographs(METHOD.shipped())
    for name, value in manifest["metrics"].items():
        assert found[name] == pytest.approx(value, abs=0.02)
