"""Content transfer behind the interface of all methods."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from reference.content_transfer import METHOD
from reference.content_transfer.artefacts import PICTURES_FILE
from reference.content_transfer.checkpoint import read_checkpoint
from reference.content_transfer.deploy import OUTPUTS
from reference.content_transfer.method import EVALUATION_PAIRS
from reference.content_transfer.settings import Settings
from reference.content_transfer.structure import deployed_macs, deployed_parameters
from reference.pictures import to_bytes
from tests.reference.battery.interface import InterfaceBattery


def outputs_of(deployable) -> dict[str, np.ndarray]:
    pairs = torch.from_numpy(deployable.evaluation.inputs).float() / 127.5 - 1
    with torch.no_grad():
        results = deployable.module(pairs)
    return {name: value.numpy() for name, value in zip(OUTPUTS, results, strict=True)}


class TestInterface(InterfaceBattery):
    method, settings, paper, shape = METHOD, Settings, "BylE1205Fm", (3, 64, 32)


def test_info_describes_the_default_network():
    info, structure = METHOD.info(), Settings().structure
    assert info.input.range == (-1, 1)
    assert (info.parameters, info.macs) == (
        deployed_parameters(structure),
        deployed_macs(structure),
    )
    assert set(info.options) >= {"width", "sep", "confusion", "variant"}


def test_the_deployable_is_the_checkpoint(trained):
    deployable = METHOD.deployable(trained)
    networks = read_checkpoint(trained).networks
    pairs = torch.from_numpy(deployable.evaluation.inputs).float() / 127.5 - 1
    assert pairs.shape == (EVALUATION_PAIRS, 3, 64, 32)
    with torch.no_grad():
        made = networks.transfer(pairs[:, :, :32], pairs[:, :, 32:])
    found = outputs_of(deployable)
    np.testing.assert_allclose(found["picture"], made.numpy(), atol=1e-4)
    assert deployable.outputs == OUTPUTS
    assert set(deployable.tolerance) == set(OUTPUTS)
    assert deployable.seeds == {"training": 0}


def test_calibration_and_evaluation_share_no_picture(trained, folders):
    for data in (None, folders):
        deployable = METHOD.deployable(trained, data)
        judged, learnt = deployable.evaluation.inputs, deployable.calibration
        halves = [
            {image[:, rows].tobytes() for image in images for rows in (slice(32), slice(32, 64))}
            for images in (judged, learnt)
        ]
        assert not halves[0] & halves[1]


def test_metrics_look_for_the_truth_only_where_there_is_one(trained, folders):
    rendered, own = METHOD.deployable(trained), METHOD.deployable(trained, folders)
    needs_none = {"judged_content", "probe_accuracy"}
    found = [one.metrics(outputs_of(one), one.evaluation) for one in (rendered, own)]
    assert set(found[0]) == needs_none | {"content_iou", "inside_rmse", "outside_rmse"}
    assert set(found[1]) == needs_none


def test_targets_guides_and_transfers_are_written(trained, folders, tmp_path):
    deployable = METHOD.deployable(trained, folders)
    written = METHOD.artefacts(deployable, tmp_path / "none", trained.parent, tmp_path)
    assert set(written.values()) == {PICTURES_FILE, "history.json"}
    with Image.open(tmp_path / PICTURES_FILE) as image:
        pixels = np.asarray(image)[::2, ::2]
    stacked = deployable.evaluation.inputs[0].transpose(1, 2, 0)
    assert np.array_equal(pixels[:64, :32], stacked)
    made = to_bytes(outputs_of(deployable)["picture"])[0].transpose(1, 2, 0)
    assert np.array_equal(pixels[64:96, :32], made)
    without = METHOD.artefacts(deployable, tmp_path / "none", tmp_path / "empty", tmp_path)
    assert set(without.values()) == {PICTURES_FILE}
