"""Rendered eyes: the same on every machine, larger sets begin as smaller ones, labels are true."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.simgan.data import TEST_SEED, labelled_photographs, rendered_pictures
from reference.simgan.eyes import EYEBALL, PITCH, YAW, render
from reference.simgan.shift import iris_centres
from reference.simgan.structure import EYE

domains = st.sampled_from(["synthetic", "camera"])
seeds = st.integers(0, 1000)


@given(count=st.integers(1, 12), more=st.integers(0, 12), seed=seeds, domain=domains)
@settings(max_examples=15)
def test_a_smaller_set_is_the_beginning_of_a_larger_one(count, more, seed, domain):
    small, large = render(count, seed, domain), render(count + more, seed, domain)
    assert np.array_equal(small.images, large.images[:count])
    assert np.array_equal(small.gaze, large.gaze[:count])
    assert np.array_equal(small.iris, large.iris[:count])


@given(seed=seeds, domain=domains)
@settings(max_examples=15)
def test_eyes_are_what_they_claim(seed, domain):
    eyes = render(20, seed, domain)
    assert eyes.images.shape == (20, 1, *EYE)
    assert eyes.images.dtype == np.uint8
    np.testing.assert_allclose(np.linalg.norm(eyes.gaze, axis=1), 1, atol=1e-6)
    assert np.abs(np.arcsin(eyes.gaze[:, 1])).max() <= PITCH + 1e-6
    assert np.abs(np.arctan2(eyes.gaze[:, 0], eyes.gaze[:, 2])).max() <= YAW + 1e-6
    # The iris lies where the gaze puts it, off the middle of an eyeball that itself lies about.
    off = eyes.iris - EYEBALL * eyes.gaze[:, :2] * np.array([1, -1])
    assert (off.min(axis=0) >= [25, 16.5]).all()
    assert (off.max(axis=0) <= [29, 19.5]).all()


@given(seeds=st.lists(seeds, min_size=2, max_size=2, unique=True), domain=domains)
@settings(max_examples=10)
def test_other_seeds_and_the_other_domain_show_other_eyes(seeds, domain):
    other = "camera" if domain == "synthetic" else "synthetic"
    sets = [render(6, seeds[0], domain), render(6, seeds[1], domain), render(6, seeds[0], other)]
    gazes = [{tuple(gaze) for gaze in one.gaze.tolist()} for one in sets]
    assert not gazes[0] & gazes[1]
    assert not gazes[0] & gazes[2]


def test_the_sets_of_the_experiment_share_no_picture():
    pictures = rendered_pictures(80, 80, 80)
    test = labelled_photographs(80)
    sides = [pictures.synthetic.images, pictures.real.images, pictures.held_out.images, test.images]
    shown = [{image.tobytes() for image in side} for side in sides]
    assert sum(map(len, shown)) == len(set().union(*shown)) == 320
    assert np.array_equal(test.gaze, render(80, TEST_SEED, "camera").gaze)


def test_the_camera_sees_another_world():
    synthetic, camera = render(100, 0, "synthetic").images, render(100, 0, "camera").images
    # Darker, and with noise between neighbours where the simulator is smooth.
    assert camera.mean() < synthetic.mean() - 20
    grain = [
        np.abs(np.diff(images[:, 0, :3].astype(float))).mean() for images in (synthetic, camera)
    ]
    assert grain[1] > grain[0]


@pytest.mark.parametrize("domain", ["synthetic", "camera"])
def test_the_iris_is_found_where_it_was_drawn(domain):
    eyes = render(200, 0, domain)
    found = iris_centres(eyes.images.astype(np.float32), eyes.iris)
    off = np.linalg.norm(found - eyes.iris, axis=1)
    assert np.median(off) < 2.5
