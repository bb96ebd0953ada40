"""The figures of a transfer: right for what is right, and worse for each way to go wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from harness.method import EvaluationSet
from reference.content_transfer.data import pairs, rendered_pictures
from reference.content_transfer.judge import Judge
from reference.content_transfer.metrics import (
    TransferMetrics,
    against_truth,
    judged,
    own_guide_share,
    rmse_at,
    to_floats,
)
from reference.content_transfer.networks import ContentTransfer
from reference.content_transfer.settings import Settings

PICTURES = rendered_pictures(8, 32, 8)
BARE, WANTED, OTHER = (
    to_floats(images)
    for images in (
        PICTURES.held_plain.images,
        PICTURES.truth.given,
        PICTURES.truth.other,
    )
)


def test_what_is_wanted_is_perfect():
    found = against_truth(WANTED, BARE, WANTED)
    assert found == {"content_iou": 1, "inside_rmse": 0, "outside_rmse": 0}
    assert own_guide_share(WANTED, WANTED, OTHER) == 1


def test_without_content_there_is_nothing_inside():
    assert set(against_truth(BARE, BARE, BARE)) == {"outside_rmse"}


def test_a_target_left_as_it_is_has_no_content():
    found = against_truth(BARE, BARE, WANTED)
    assert found["content_iou"] == 0
    assert found["inside_rmse"] > 0.4
    assert found["outside_rmse"] < 0.1


def test_anothers_content_is_worse_than_ones_own():
    found = against_truth(OTHER, BARE, WANTED)
    assert 0 < found["content_iou"] < 1
    assert found["inside_rmse"] > 0.2
    assert own_guide_share(OTHER, WANTED, OTHER) == 0


@given(step=st.floats(0.01, 0.4), seed=st.integers(0, 1000))
@hypothesis_settings(max_examples=15, deadline=None)
def test_a_change_elsewhere_counts_outside_alone(step, seed):
    changed = WANTED.copy()
    row = 24 + seed % 8
    changed[:, :, row] += step
    found = against_truth(changed, BARE, WANTED)
    assert found["inside_rmse"] == 0
    assert found["outside_rmse"] > 0
    expected = np.sqrt(step**2 / 32)
    assert rmse_at(changed, WANTED) == pytest.approx(expected, rel=1e-3)


def test_more_noise_is_worse():
    noise = np.random.default_rng(0).normal(size=WANTED.shape).astype(np.float32)
    found = [against_truth(WANTED + share * noise, BARE, WANTED) for share in (0.05, 0.3)]
    for name, better in (("inside_rmse", -1), ("outside_rmse", -1), ("content_iou", 1)):
        assert better * found[0][name] > better * found[1][name]


@pytest.fixture(scope="module")
def networks() -> ContentTransfer:
    torch.manual_seed(0)
    return ContentTransfer(Settings(width=0.1, sep=2).structure).eval()


def test_all_figures_of_networks_are_there_and_finite(networks):
    probe = torch.nn.Linear(4 * networks.e1(torch.zeros(1, 3, 32, 32)).shape[1], 1)
    found = judged(networks, Judge().eval(), probe, PICTURES)
    assert {"content_iou", "own_guide", "content_left", "plain_rmse"} <= set(found)
    assert all(np.isfinite(list(found.values())))
    assert all(0 <= found[name] <= 1 for name in found if "rmse" not in name)


def test_pairs_are_judged_by_name_however_few_are_left(networks):
    made_of = pairs(PICTURES, 8)
    probe = torch.nn.Linear(6, 1)
    metrics = TransferMetrics(Judge().eval(), probe, made_of)
    whole = made_of.evaluation
    few = EvaluationSet(whole.ids[2:4], whole.inputs[2:4])
    wanted = to_floats(np.stack([made_of.wanted[name] for name in few.ids]))
    outputs = {"picture": wanted, "common": np.zeros((2, 6), np.float32)}
    found = metrics(outputs, few)
    assert found["content_iou"] == 1
    assert found["probe_accuracy"] == 0.5
    swapped = outputs | {"picture": wanted[::-1].copy()}
    assert metrics(swapped, few)["content_iou"] < 1


def test_without_a_truth_only_what_needs_none_is_told():
    made_of = pairs(PICTURES, 4)
    metrics = TransferMetrics(
        Judge().eval(), torch.nn.Linear(6, 1), type(made_of)(made_of.evaluation, {}, {})
    )
    outputs = {
        "picture": np.zeros((4, 3, 32, 32), np.float32),
        "common": np.zeros((4, 6), np.float32),
    }
    assert set(metrics(outputs, made_of.evaluation)) == {"judged_content", "probe_accuracy"}
