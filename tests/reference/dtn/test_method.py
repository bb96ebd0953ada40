"""DTN behind the interface of all methods."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image

from harness.errors import DataError
from reference.dtn import METHOD
from reference.dtn.artefacts import PICTURES_FILE
from reference.dtn.checkpoint import read_checkpoint
from reference.dtn.deploy import OUTPUTS, deployed
from reference.dtn.settings import Settings
from tests.reference.battery.checkpoint import CheckpointBattery
from tests.reference.battery.interface import InterfaceBattery


class TestInterface(InterfaceBattery):
    method, settings, paper, shape = METHOD, Settings, "1611.02200", (3, 32, 32)


class TestCheckpoint(CheckpointBattery):
    method, read, build = METHOD, staticmethod(read_checkpoint), staticmethod(deployed)
    misread: ClassVar = [{"width": 0.25}]


def test_the_weights_of_the_losses_are_the_papers():
    info = METHOD.info()
    assert info.input.range == (-1, 1)
    assert info.options["alpha"][0] == 15


def test_the_deployable_is_the_checkpoint(trained, domains_folder):
    deployable = METHOD.deployable(trained, domains_folder)
    found = read_checkpoint(trained)
    images = torch.from_numpy(deployable.evaluation.inputs).float() / 127.5 - 1
    with torch.no_grad():
        logits, _, made = deployable.module(images)
        torch.testing.assert_close(made, found.transfer()(images), atol=1e-4, rtol=1e-4)
    assert deployable.outputs == OUTPUTS
    assert deployable.evaluation.classes == ("bar", "disc")
    assert logits.shape[1] == 2
    assert set(deployable.tolerance) == set(OUTPUTS)


def test_calibration_is_from_the_training_side_only(trained, domains_folder):
    deployable = METHOD.deployable(trained, domains_folder)
    judged = {image.tobytes() for image in deployable.evaluation.inputs}
    assert not judged & {image.tobytes() for image in deployable.calibration}


def test_metrics_of_the_float_outputs_are_those_of_the_training(trained, domains_folder):
    deployable = METHOD.deployable(trained, domains_folder)
    images = torch.from_numpy(deployable.evaluation.inputs).float() / 127.5 - 1
    with torch.no_grad():
        results = deployable.module(images)
    outputs = {name: value.numpy() for name, value in zip(OUTPUTS, results, strict=True)}
    found = deployable.metrics(outputs, deployable.evaluation)
    kept = read_checkpoint(trained).metrics
    assert found == pytest.approx({name: kept[name] for name in found}, abs=1e-4)
    black = outputs | {"picture": -np.ones_like(outputs["picture"])}
    assert deployable.metrics(black, deployable.evaluation)["f_constancy"] > 0


def test_pictures_before_and_after_are_written(trained, domains_folder, tmp_path):
    deployable = METHOD.deployable(trained, domains_folder)
    written = METHOD.artefacts(deployable, tmp_path / "model.kmodel", trained.parent, tmp_path)
    assert set(written.values()) >= {PICTURES_FILE, "history.json"}
    with Image.open(tmp_path / PICTURES_FILE) as sheet:
        assert sheet.mode == "RGB"
        assert sheet.height == (32 + 2 + 32) * 2


def test_one_picture_may_differ_however_few_there_are(trained, domains_folder):
    few = METHOD.deployable(trained, domains_folder)
    assert few.tolerance["logits"].top1_agreement == 4 / 5
    assert METHOD.deployable(METHOD.shipped()).tolerance["logits"].top1_agreement == 0.97


def test_data_with_other_classes_are_refused(trained, tmp_path):
    rng = np.random.default_rng(0)
    for folder in ("source/a", "source/b", "target"):
        (tmp_path / folder).mkdir(parents=True)
        for index in range(4):
            pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / folder / f"{index}.png")
    with pytest.raises(DataError, match="knows the classes bar, disc, the data have a, b"):
        METHOD.deployable(trained, tmp_path)
