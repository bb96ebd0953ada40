"""StereoNet behind the interface of all methods."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image

from harness.method import EvaluationSet
from reference.stereonet import METHOD
from reference.stereonet.artefacts import FOLDER, PICTURES_FILE
from reference.stereonet.checkpoint import read_checkpoint
from reference.stereonet.data import judging
from reference.stereonet.metrics import judged, predict, to_floats
from reference.stereonet.settings import Settings
from reference.stereonet.structure import Structure, tower_parameters
from reference.training.record import FILE_NAME as HISTORY_NAME
from tests.reference.battery.checkpoint import CheckpointBattery
from tests.reference.battery.interface import InterfaceBattery


class TestInterface(InterfaceBattery):
    method, settings, paper, shape = METHOD, Settings, "1807.08865", (3, 96, 192)


class TestCheckpoint(CheckpointBattery):
    method, read = METHOD, staticmethod(read_checkpoint)
    build = staticmethod(lambda checkpoint: checkpoint.network())
    misread: ClassVar = [{"structure": {"channels": 3}}, {"structure": {"refiners": 1}}]


def test_info_describes_the_default_tower():
    info = METHOD.info()
    assert info.input.range == (-1, 1)
    assert info.options["levels"][0] == 2
    assert info.parameters == tower_parameters(Structure(16, 2))


def float_outputs(deployable) -> dict[str, np.ndarray]:
    images = to_floats(torch.from_numpy(deployable.evaluation.inputs))
    with torch.no_grad():
        return {"features": deployable.module(images).numpy()}


@pytest.fixture(scope="module")
def deployable(trained):
    return METHOD.deployable(trained)


def test_the_deployable_is_the_checkpoints_tower(trained, deployable):
    tower = read_checkpoint(trained).network().tower
    images = to_floats(torch.from_numpy(deployable.evaluation.inputs[:4]))
    with torch.no_grad():
        torch.testing.assert_close(deployable.module(images), tower(images), atol=1e-4, rtol=1e-4)
    assert deployable.outputs == ("features",)


def test_calibration_is_from_the_training_side_only(deployable):
    judges = {image.tobytes() for image in deployable.evaluation.inputs}
    assert not judges & {image.tobytes() for image in deployable.calibration}


def test_float_features_give_the_networks_own_disparities(trained, deployable):
    found = deployable.metrics(float_outputs(deployable), deployable.evaluation)
    test = judging().take(list(range(16)))
    network = read_checkpoint(trained).network()
    expected = judged(network, test.left, test.right, test.disparity)
    assert found["epe"] == pytest.approx(expected["epe"], rel=1e-3)
    assert found["drift_px"] < 1e-3
    assert found["drift_above_1"] == 0


def test_metrics_tell_features_that_were_spoilt(deployable):
    outputs = float_outputs(deployable)
    noise = np.random.default_rng(0).normal(0, outputs["features"].std(), outputs["features"].shape)
    spoilt = {"features": (outputs["features"] + 9 * noise).astype(np.float32)}
    found = deployable.metrics(spoilt, deployable.evaluation)
    assert found["drift_px"] > 1e-3


def test_metrics_go_by_the_pairs_that_are_there(deployable):
    whole = deployable.evaluation
    few = EvaluationSet(whole.ids[4:8], whole.inputs[4:8])
    outputs = {"features": float_outputs(deployable)["features"][4:8]}
    assert deployable.metrics(outputs, few)["drift_px"] < 1e-3


def test_pairs_without_truth_are_compared_all_the_same(trained, blind_folder):
    blind = METHOD.deployable(trained, blind_folder)
    found = blind.metrics(float_outputs(blind), blind.evaluation)
    assert set(found) == {"drift_px", "drift_above_1"}
    assert len(blind.evaluation) == 6


def test_artefacts_show_and_keep_disparities(trained, deployable, tmp_path):
    written = METHOD.artefacts(deployable, tmp_path / "m.kmodel", trained.parent, tmp_path)
    assert set(written.values()) == {PICTURES_FILE, FOLDER, HISTORY_NAME}
    with Image.open(tmp_path / PICTURES_FILE) as image:
        assert image.width > 3 * 192
    test = judging().take([0])
    expected = predict(read_checkpoint(trained).network(), test.left, test.right)[-1][0, 0]
    with Image.open(tmp_path / FOLDER / "dots0000.png") as image:
        assert np.asarray(image) / 256 == pytest.approx(expected.numpy(), abs=0.01)


def test_artefacts_of_pairs_without_truth(trained, blind_folder, tmp_path):
    blind = METHOD.deployable(trained, blind_folder)
    written = METHOD.artefacts(blind, tmp_path / "m.kmodel", tmp_path / "none", tmp_path)
    assert set(written.values()) == {PICTURES_FILE, FOLDER}
    assert len(list((tmp_path / FOLDER).iterdir())) == 3
