"""Layered scenes: what both cameras see of surfaces, by construction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import DataError
from reference.stereonet.data import load_sides
from reference.stereonet.layers import Surface, layered_scenes, seen
from reference.stereonet.photographs import TO_JUDGE_BY, TO_LEARN_FROM, photographs
from reference.stereonet.settings import Settings

series = st.integers(0, 2**31 - 1)
slowly = settings(max_examples=10)
SIZE = 48, 96


def grains(width: int = 200, seed: int = 0) -> np.ndarray:
    """A smooth random texture, float64 [48, width, 3]."""
    noise = np.random.default_rng(seed).standard_normal((SIZE[0], width, 3)).cumsum(axis=1)
    return 128 + 8 * (noise - noise.mean())


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (3, 60, 70), dtype=np.uint8)


@given(series=series, disparities=st.sampled_from([16, 32, 64]))
@slowly
def test_disparities_lie_below_d_and_their_matches_in_the_picture(series, disparities):
    made = layered_scenes(1, series, disparities, [picture(0)], SIZE)
    assert made.left.shape == made.right.shape == (1, 3, *SIZE)
    truth = made.disparity[0, 0]
    assert truth.min() >= 0
    assert truth.max() < disparities - 1
    columns = np.broadcast_to(np.arange(SIZE[1]), SIZE)
    assert (columns[truth > 0] >= truth[truth > 0]).all()
    # What is hidden behind something is known.
    assert (truth[:, disparities:] > 0).all()


@given(series=series)
@slowly
def test_the_same_series_gives_the_same_pairs_however_many(series):
    few, more = (layered_scenes(count, series, 32, [picture(0)], SIZE) for count in (1, 2))
    assert np.array_equal(few.left, more.left[:1])
    assert np.array_equal(few.right, more.right[:1])
    assert np.array_equal(few.disparity, more.disparity[:1])


@given(start=st.floats(1, 20), across=st.floats(-0.05, 0.05), down=st.floats(-0.1, 0.1))
@slowly
def test_the_right_camera_sees_a_column_at_its_disparity(start, across, down):
    surface = Surface((start, across, down), grains())
    x, y = np.mgrid[0:96:5, 0:48:5].astype(float)
    right = x - surface.disparity(x, y)
    assert surface.seen_from_the_right(right, y) == pytest.approx(x)


@given(whole=st.integers(0, 12))
@slowly
def test_a_plane_of_whole_pixels_moves_the_picture_by_them(whole):
    surface = Surface((float(whole), 0.0, 0.0), grains())
    left, right, disparity = seen([surface], SIZE, Silent())
    assert np.array_equal(right[:, :, : SIZE[1] - whole], left[:, :, whole:])
    assert (disparity[0, :, whole:] == whole).all()
    assert (disparity[0, :, :whole] == 0).all()


class Silent:
    """A random generator without noise and with one exposure for both cameras."""

    def uniform(self, low, high):
        return (low + high) / 2 if low > 0 else low


def test_what_is_near_hides_what_is_behind_for_both_cameras():
    red, blue = (np.zeros((SIZE[0], 200, 3)) for _ in range(2))
    red[..., 0], blue[..., 2] = 200, 200
    before = Surface((10.0, 0.0, 0.0), red, centre=(60.5, 20), half=(8, 6))
    left, right, disparity = seen([Surface((2.0, 0.0, 0.0), blue), before], SIZE, Silent())
    assert (left[0, 20] > 100).nonzero()[0].tolist() == list(range(53, 69))
    assert (right[0, 20] > 100).nonzero()[0].tolist() == list(range(43, 59))
    assert set(np.unique(disparity)) == {0, 2, 10}
    assert ((disparity[0] == 10) == (left[0] > 100)).all()
    # No colour of its own beside the edge: the ground goes on there.
    assert (right[2, 20, 59:] > 100).all()


@pytest.mark.parametrize("ellipse", [False, True])
def test_a_frame_has_a_hole(ellipse):
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(float)
    frame = Surface(
        (5.0, 0.0, 0.0), grains(), (48, 24), (20, 20), turn=0.5, round=ellipse, rim=4
    ).coverage(x, y)
    assert frame[24, 48] == 0
    assert frame.max() == 1
    assert frame[0, 0] == 0
    assert 0 < frame.mean() < 0.5


def test_photographs_are_worn():
    blue = np.zeros((3, 30, 40), np.uint8)
    blue[2] = np.arange(40) * 6
    made = layered_scenes(2, 0, 32, [blue])
    # Other colours, but the photograph's contrast.
    assert made.left.max() > 150
    assert made.left.std(axis=(2, 3)).max() > 20


def test_photographs_that_judge_teach_nothing():
    pytest.importorskip("skimage", reason="scikit-image, which has the photographs, is missing")
    assert not set(TO_LEARN_FROM) & set(TO_JUDGE_BY)
    sides = load_sides(None, Settings(scenes="photographs", pairs=8, disparities=64))
    assert sides.train.left.shape == (8, 3, 128, 256)
    assert not any("motorcycle" in name for name in (*TO_LEARN_FROM, *TO_JUDGE_BY))
    assert sides.test.disparity.max() < 64


def test_a_photograph_that_is_not_there_is_named():
    pytest.importorskip("skimage", reason="scikit-image, which has the photographs, is missing")
    with pytest.raises(DataError, match="nothing_of_this_name"):
        photographs(("nothing_of_this_name",))
