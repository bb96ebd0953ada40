"""The real pair: that it is one, and what the shipped weights make of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.stereonet import METHOD
from reference.stereonet.checkpoint import read_checkpoint
from reference.stereonet.data import load_sides
from reference.stereonet.metrics import predict
from reference.stereonet.motorcycle import at_full_size, load_motorcycle, write_motorcycle
from reference.stereonet.networks import StereoNet
from reference.stereonet.settings import Settings
from reference.stereonet.structure import Structure
from tests.docs.examples import REPOSITORY

RESULTS = REPOSITORY / "docs" / "methods" / "stereonet.json"


@pytest.fixture(scope="module")
def pair():
    pytest.importorskip("skimage", reason="scikit-image, which has the pair, is not installed")
    return load_motorcycle()


def test_the_pair_matches_by_its_disparity(pair):
    """Left pixels are like those of the right picture that the truth points to."""
    truth = pair.disparity[0, 0]
    y, x = np.nonzero(truth > 0)
    at = np.round(x - truth[y, x]).astype(int)
    inside = at >= 0
    left = pair.left[0][:, y[inside], x[inside]].astype(int)
    matched = pair.right[0][:, y[inside], at[inside]].astype(int)
    same_place = pair.right[0][:, y[inside], x[inside]].astype(int)
    assert np.abs(left - matched).mean() < 0.6 * np.abs(left - same_place).mean()
    assert truth[truth > 0].min() > 7
    assert truth.max() < 61


def test_it_is_read_as_a_users_pair(pair, tmp_path):
    write_motorcycle(tmp_path / "whole")
    sides = load_sides(tmp_path / "whole", Settings(pairs=8))
    assert sides.test.ids == ("motorcycle",)
    # 741 pixels become 192.
    assert sides.test.disparity.max() == pytest.approx(pair.disparity.max() * 192 / 741, rel=0.02)
    write_motorcycle(tmp_path / "blind", blind=True)
    assert load_sides(tmp_path / "blind", Settings(pairs=8)).test.disparity is None


@given(disparities=st.sampled_from([16, 64]), seed=st.integers(0, 2**31 - 1))
@settings(max_examples=5)
@torch.no_grad()
def test_no_weight_depends_on_the_number_of_disparities(disparities, seed):
    torch.manual_seed(seed)
    network = StereoNet(Structure(2, 3, 1, 32)).eval()
    other = network.with_disparities(disparities)
    assert other.structure.planes == disparities // 8
    assert not other.training
    shared = {id(one) for one in network.parameters()}
    assert {id(one) for one in other.parameters()} == shared
    assert other(*torch.rand(2, 1, 3, 16, 32))[-1].shape == (1, 1, 16, 32)


@pytest.mark.slow
def test_the_shipped_weights_reach_what_the_page_says(pair):
    rows = json.loads(RESULTS.read_text())["rows"]
    checkpoint = read_checkpoint(METHOD.shipped())
    (row,) = [
        row for row in rows if (row["variant"], row["seed"]) == ("multi_4", checkpoint.job["seed"])
    ]
    _, found = at_full_size(checkpoint.network(), pair)
    for name, value in found.items():
        assert value == pytest.approx(row["metrics"][f"real_{name}"], rel=0.01), name


def test_a_size_that_2_to_the_k_does_not_divide_is_padded(pair):
    network = StereoNet(Structure(1, 3, 1, 32)).eval()
    disparity, _ = at_full_size(network, pair)
    assert disparity.shape == pair.disparity.shape[2:]
    wider = network.with_disparities(64)
    whole = predict(wider, pair.left[..., :496, :736], pair.right[..., :496, :736])[-1]
    inner = (slice(0, 300), slice(0, 500))
    assert disparity[inner] == pytest.approx(whole[0, 0].numpy()[inner], abs=1e-3)
