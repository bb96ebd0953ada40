"""Rendered stereograms: what is true of them by construction."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.stereonet.losses import known
from reference.stereonet.matching import ssd_argmin, ssd_costs, ssd_soft_argmin
from reference.stereonet.metrics import errors
from reference.stereonet.scenes import (
    HEIGHT,
    NEAR,
    PLANE,
    RECTANGLE,
    WIDTH,
    judging_scenes,
    scenes,
)

series = st.integers(0, 2**31 - 1)
slowly = settings(max_examples=10)


def columns() -> np.ndarray:
    return np.broadcast_to(np.arange(WIDTH), (HEIGHT, WIDTH))


@given(series=series)
@slowly
def test_the_same_series_gives_the_same_pairs_however_many(series):
    few, more = scenes(1, series, 32), scenes(2, series, 32)
    assert np.array_equal(few.left, more.left[:1])
    assert np.array_equal(few.right, more.right[:1])
    assert np.array_equal(few.disparity, more.disparity[:1])
    assert not np.array_equal(more.left[0], more.left[1])


@given(series=series, disparities=st.sampled_from([16, 32, 64]))
@slowly
def test_disparities_lie_below_d_and_their_matches_in_the_picture(series, disparities):
    truth = scenes(1, series, disparities).disparity[0, 0]
    assert truth.min() >= 0
    assert truth.max() < disparities - 1
    seen = truth > 0
    assert (columns()[seen] >= truth[seen]).all()
    # What is hidden lies at the left edge alone.
    assert seen[:, disparities:].all()


@given(series=series)
@slowly
def test_the_left_picture_is_the_right_one_moved_by_the_disparity(series):
    made = judging_scenes(1, series)
    truth, left, right = made.disparity[0, 0], made.left[0, 0], made.right[0, 0].astype(float)
    lines = np.arange(HEIGHT)[:, None].repeat(WIDTH, 1)
    at = columns() - truth
    before = np.floor(at).astype(int).clip(0, WIDTH - 2)
    share = at - before
    mixed = (1 - share) * right[lines, before] + share * right[lines, before + 1]
    difference = np.abs(mixed - left)[truth > 0]
    # Lines between pixels, against the cubic ones that were rendered: right to a few levels.
    assert np.median(difference) < 6
    shuffled = np.abs(np.roll(mixed, 7, axis=1) - left)[truth > 0]
    assert np.median(shuffled) > 4 * np.median(difference)


@given(series=series)
@slowly
def test_the_judging_scenes_have_a_plane_and_two_rectangles(series):
    truth = judging_scenes(1, series).disparity[0, 0]
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    plane = (PLANE[0] + PLANE[1] * x + PLANE[2] * y).astype(np.float32)
    for value in NEAR:
        assert (truth == np.float32(value)).sum() == RECTANGLE[0] * RECTANGLE[1]
    rest = (truth > 0) & ~np.isin(truth, np.float32(NEAR))
    assert np.array_equal(truth[rest], plane[rest])


def baseline(noise: float) -> dict[str, dict[str, float]]:
    made = judging_scenes(12, 0, noise)
    left, right, truth = map(torch.tensor, (made.left, made.right, made.disparity))
    valid, costs = known(truth, 32), ssd_costs(left, right, 32)
    middle = truth[valid].median().expand_as(truth)
    return {
        "argmin": errors(ssd_argmin(costs), truth, valid),
        "soft": errors(ssd_soft_argmin(costs), truth, valid),
        "median": errors(middle, truth, valid),
    }


@pytest.mark.parametrize(
    ("noise", "argmin", "bad_1", "soft"),
    [(0.0, 0.604, 0.033, 0.486), (0.02, 0.619, 0.035, 0.514), (0.05, 0.652, 0.039, 0.573)],
)
def test_windows_of_squares_are_as_good_as_elsewhere(noise, argmin, bad_1, soft):
    """Against figures of 7x7 windows on such scenes, whose texture was not told."""
    found = baseline(noise)
    assert found["argmin"]["epe"] == pytest.approx(argmin, rel=0.06)
    assert found["argmin"]["bad_1"] == pytest.approx(bad_1, abs=0.005)
    assert found["soft"]["epe"] == pytest.approx(soft, rel=0.06)
    assert found["median"]["epe"] == pytest.approx(3.77, rel=0.03)
    # On slanted planes, whole pixels lose against what lies between them.
    assert found["soft"]["epe"] < found["argmin"]["epe"]
