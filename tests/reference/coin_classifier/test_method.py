"""The classifier behind the interface of all methods."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch

from harness.errors import DataError
from harness.method import Fold
from reference.coin_classifier import METHOD
from reference.coin_classifier.checkpoint import read_checkpoint
from reference.coin_classifier.settings import Settings
from tests.reference.battery.checkpoint import CheckpointBattery
from tests.reference.battery.interface import InterfaceBattery


class TestInterface(InterfaceBattery):
    method, settings, paper, shape = METHOD, Settings, "arxiv.org/abs/1704.04861", (3, 128, 128)
    ships = False


class TestCheckpoint(CheckpointBattery):
    method, read = METHOD, staticmethod(read_checkpoint)
    build = staticmethod(lambda checkpoint: checkpoint.network())
    misread: ClassVar = [{"width": 0.5}, {"classes": ["a", "b", "c"]}]


def test_info_describes_the_default_network():
    info = METHOD.info()
    assert info.parameters == 213_843
    assert info.options["width"][0] == 0.25


def test_the_deployable_is_the_checkpoint_with_norms_folded(trained, photographs):
    deployable = METHOD.deployable(trained, photographs)
    network = read_checkpoint(trained).network()
    images = torch.from_numpy(deployable.evaluation.inputs).float() / 255
    with torch.no_grad():
        torch.testing.assert_close(deployable.module(images), network(images), atol=1e-4, rtol=1e-4)
    assert not deployable.module.training
    assert deployable.outputs == ("logits",)
    assert deployable.contract.shape == (3, 96, 96)
    assert deployable.seeds == {"training": 0}


def test_calibration_is_from_the_training_side_only(trained, photographs):
    deployable = METHOD.deployable(trained, photographs)
    again = METHOD.deployable(trained, photographs)
    assert np.array_equal(deployable.calibration, again.calibration)
    judged = {image.tobytes() for image in deployable.evaluation.inputs}
    assert not judged & {image.tobytes() for image in deployable.calibration}
    assert deployable.calibration.dtype == np.uint8


def test_one_picture_may_differ_however_few_there_are(trained, photographs):
    few = METHOD.deployable(trained, photographs)
    assert few.tolerance["logits"].top1_agreement == 9 / 10
    more = METHOD.deployable(trained, photographs, Fold(0, 2))
    assert more.tolerance["logits"].top1_agreement == 0.97
    assert more.tolerance["logits"].cosine == 0.99


def test_data_with_other_classes_are_refused(trained):
    with pytest.raises(DataError, match=r"bar, disc.*1, 2, 3"):
        METHOD.deployable(trained)


def test_broken_data_are_refused_before_anything_is_written(job, tmp_path):
    asked = replace(job(), data=tmp_path / "nowhere")
    with pytest.raises(DataError):
        METHOD.train(asked)
    assert not asked.out.exists()
