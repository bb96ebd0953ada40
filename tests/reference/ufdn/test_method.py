"""UFDN behind the interface of all methods."""

from __future__ import annotations

import shutil
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image

from harness.errors import DataError
from reference.ufdn import METHOD
from reference.ufdn.artefacts import PICTURES_FILE
from reference.ufdn.checkpoint import read_checkpoint
from reference.ufdn.deploy import deployed
from reference.ufdn.settings import Settings
from tests.reference.battery.checkpoint import CheckpointBattery
from tests.reference.battery.interface import InterfaceBattery


class TestInterface(InterfaceBattery):
    method, settings, paper, shape = METHOD, Settings, "1809.01361", (3, 32, 32)


class TestCheckpoint(CheckpointBattery):
    method, read, build = METHOD, staticmethod(read_checkpoint), staticmethod(deployed)
    misread: ClassVar = [{"job": {"settings": {"width": 0.25}}}]


def test_info_describes_the_range_and_the_weight_of_the_adversary():
    info = METHOD.info()
    assert info.input.range == (-1, 1)
    assert info.options["feat_domain"][0] == 4


def test_the_deployable_is_the_checkpoint(trained, domains_folder):
    deployable, found = METHOD.deployable(trained, domains_folder), read_checkpoint(trained)
    images = torch.from_numpy(deployable.evaluation.inputs).float() / 127.5 - 1
    with torch.no_grad():
        logits, code, made = deployable.module(images)
        expected = found.vae().code(images)
        first = torch.eye(2)[[0] * len(images)]
        torch.testing.assert_close(code, expected, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(made, found.vae().decoder(expected, first), atol=1e-4, rtol=1e-4)
    assert logits.shape[1] == 2
    assert deployable.outputs == ("logits", "code", "picture")
    assert set(deployable.tolerance) == set(deployable.outputs)
    assert deployable.evaluation.classes == ("bar", "disc")
    assert len(deployable.evaluation.labels) == len(images)


def test_pictures_alone_are_deployed_without_logits(trained_on_pictures, domains_folder):
    deployable = METHOD.deployable(trained_on_pictures, domains_folder)
    assert deployable.outputs == ("code", "picture")
    assert deployable.evaluation.labels is None
    assert set(deployable.tolerance) == {"code", "picture"}


def test_calibration_is_from_the_training_side_only(trained, domains_folder):
    deployable = METHOD.deployable(trained, domains_folder)
    judged = {image.tobytes() for image in deployable.evaluation.inputs}
    assert not judged & {image.tobytes() for image in deployable.calibration}
    for name in ("source", "target"):
        assert any(one.startswith(name) for one in deployable.evaluation.ids)


def test_targets_without_classes_are_judged_without_them(trained, domains_folder, tmp_path):
    shutil.copytree(domains_folder / "source", tmp_path / "source")
    (tmp_path / "target").mkdir()
    for number, path in enumerate(sorted((domains_folder / "target").rglob("*.png"))):
        shutil.copyfile(path, tmp_path / "target" / f"{number}.png")
    deployable = METHOD.deployable(trained, tmp_path)
    assert deployable.evaluation.labels is None
    outputs = {
        "logits": np.zeros((8, 2)),
        "code": np.zeros((8, 8)),
        "picture": np.zeros((8, 3, 32, 32)),
    }
    found = deployable.metrics(outputs, deployable.evaluation)
    assert "accuracy" not in found
    assert {"source_accuracy", "domain_linear", "domain_mlp", "picture_psnr_db"} <= set(found)


def test_pictures_before_and_after_are_written(trained, domains_folder, tmp_path):
    deployable = METHOD.deployable(trained, domains_folder)
    written = METHOD.artefacts(deployable, tmp_path / "model.kmodel", trained.parent, tmp_path)
    assert set(written.values()) >= {PICTURES_FILE, "history.json"}
    with Image.open(tmp_path / PICTURES_FILE) as sheet:
        assert sheet.mode == "RGB"


def test_one_picture_may_differ_however_few_there_are(trained, domains_folder):
    few = METHOD.deployable(trained, domains_folder)
    assert few.tolerance["logits"].top1_agreement == 7 / 8
    assert METHOD.deployable(METHOD.shipped()).tolerance["logits"].top1_agreement == 0.97


def test_data_with_other_classes_or_domains_are_refused(trained, domains_folder, tmp_path):
    shutil.copytree(domains_folder, tmp_path / "three")
    shutil.copytree(domains_folder / "target", tmp_path / "three" / "more")
    with pytest.raises(DataError, match="knows the domains source, target, the data have source"):
        METHOD.deployable(trained, tmp_path / "three")
    shutil.copytree(domains_folder, tmp_path / "other")
    for name in ("source", "target"):
        (tmp_path / "other" / name / "bar").rename(tmp_path / "other" / name / "rod")
    with pytest.raises(DataError, match="knows the classes bar, disc, the data have disc, rod"):
        METHOD.deployable(trained, tmp_path / "other")
