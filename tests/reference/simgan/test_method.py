"""SimGAN behind the interface of all methods."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from harness.errors import DataError, MethodError
from reference.simgan import METHOD
from reference.simgan.artefacts import COLUMNS
from reference.simgan.checkpoint import read_checkpoint
from reference.simgan.estimator import refine
from reference.simgan.method import EVALUATION_PICTURES
from reference.simgan.settings import Settings
from reference.simgan.structure import deployed_macs, deployed_parameters
from tests.reference.battery.interface import InterfaceBattery


class TestInterface(InterfaceBattery):
    method, settings, paper, shape = METHOD, Settings, "1612.07828", (1, 35, 55)


def test_info_describes_the_default_network():
    info = METHOD.info()
    assert (info.parameters, info.macs) == (deployed_parameters(0.25), deployed_macs(0.25))
    assert set(info.options) >= {"width", "kg", "kd", "weight", "history", "transform"}


def test_a_transform_that_there_is_not_is_refused():
    with pytest.raises(MethodError, match="simgan cannot take transform=vgg"):
        Settings.parse({"transform": "vgg"})


def test_the_deployable_is_the_refiner_unrolled(trained):
    deployable = METHOD.deployable(trained)
    inputs = deployable.evaluation.inputs
    assert inputs.shape == (EVALUATION_PICTURES, 1, 35, 55)
    network = read_checkpoint(trained).networks.refiner
    contract = deployable.contract
    low, high = contract.range
    seen = torch.from_numpy(low + inputs.astype(np.float32) * (high - low) / 255).float()
    with torch.no_grad():
        torch.testing.assert_close(
            deployable.module(seen), refine(network, inputs), atol=1e-5, rtol=1e-5
        )
    assert not deployable.module.training
    assert deployable.outputs == ("refined",)
    assert deployable.seeds == {"training": 0}


def test_calibration_and_evaluation_share_no_picture(trained, folders):
    for data in (None, folders):
        deployable = METHOD.deployable(trained, data)
        judged = {image.tobytes() for image in deployable.evaluation.inputs}
        assert len(judged) == len(deployable.evaluation)
        assert not judged & {image.tobytes() for image in deployable.calibration}


def test_metrics_are_of_gaze_where_directions_are_known(trained, folders):
    rendered, own = METHOD.deployable(trained), METHOD.deployable(trained, folders)
    found = []
    for deployable in (rendered, own):
        outputs = {"refined": refine(deployable.module, deployable.evaluation.inputs).numpy()}
        found.append(deployable.metrics(outputs, deployable.evaluation))
    assert set(found[0]) == {"taken_for_real", "gaze_error_deg", "within_7_deg"}
    assert set(found[1]) == {"taken_for_real"}
    assert 0 < found[0]["taken_for_real"] < 1


def test_pictures_that_are_noise_are_judged_worse(trained):
    deployable = METHOD.deployable(trained)
    refined = refine(deployable.module, deployable.evaluation.inputs).numpy()
    turned = {"refined": refined[:, :, :, ::-1].copy()}
    kept = deployable.metrics({"refined": refined}, deployable.evaluation)
    assert deployable.metrics(turned, deployable.evaluation) != kept


def test_artefacts_are_pictures(trained, folders, tmp_path):
    deployable = METHOD.deployable(trained, folders)
    written = METHOD.artefacts(deployable, tmp_path / "none", trained.parent, tmp_path)
    assert set(written.values()) == {"curves.png", "refined.png"}
    for name in written.values():
        with Image.open(tmp_path / name) as image:
            image.load()
    without = METHOD.artefacts(deployable, tmp_path / "none", tmp_path / "empty", tmp_path)
    assert set(without.values()) == {"refined.png"}


def test_the_sheet_shows_each_picture_above_its_refined_one(trained, tmp_path):
    deployable = METHOD.deployable(trained)
    METHOD.artefacts(deployable, tmp_path / "none", tmp_path / "empty", tmp_path)
    with Image.open(tmp_path / "refined.png") as image:
        columns = min(COLUMNS, len(deployable.evaluation.inputs))
        pixels = np.asarray(image)[1::3, 1 - 3 * (columns * 57 - 2) :: 3, 0]
    assert np.array_equal(pixels[:35, :55], deployable.evaluation.inputs[0, 0])
    refined = (
        refine(deployable.module, deployable.evaluation.inputs[:1]).numpy()[0, 0] + 1
    ) * 127.5
    assert np.abs(pixels[37:72, :55] - refined).max() <= 0.51


def test_broken_data_are_refused_before_anything_is_written(job, tmp_path):
    asked = replace(job(), data=tmp_path / "nowhere")
    with pytest.raises(DataError):
        METHOD.train(asked)
    assert not asked.out.exists()
