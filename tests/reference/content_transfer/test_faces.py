"""Rendered faces: the same from run to run, and different by the glasses alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from reference.content_transfer.faces import EYE_Y, draw_glasses, draw_people, render

seeds = st.integers(0, 2**31 - 1)
few = hypothesis_settings(max_examples=15, deadline=None)


@given(seed=seeds, side=st.sampled_from([16, 32, 48]))
@few
def test_glasses_change_the_eyes_region_and_nothing_else(seed, side):
    people = draw_people(3, seed)
    bare, worn = render(people, None, side), render(people, draw_glasses(3, seed), side)
    changed = (bare != worn).any(axis=1)
    rows = np.arange(side) / side
    far = (rows < EYE_Y - 0.2) | (rows > EYE_Y + 0.2)
    assert not changed[:, far].any()
    assert changed.reshape(3, -1).any(axis=1).all()


@given(seed=seeds, count=st.integers(1, 5))
@few
def test_the_first_faces_are_the_same_however_many_are_drawn(seed, count):
    more = render(draw_people(count + 3, seed), draw_glasses(count + 3, seed), 16)
    fewer = render(draw_people(count, seed), draw_glasses(count, seed), 16)
    assert np.array_equal(more[:count], fewer)


@given(seed=seeds)
@few
def test_people_and_glasses_are_drawn_apart(seed):
    people, glasses = draw_people(2, seed), draw_glasses(2, seed)
    assert not np.isin(glasses.values, people.values).any()
    swapped = render(people, glasses.take(np.array([1, 0])), 32)
    assert not np.array_equal(swapped, render(people, glasses, 32))
    taken = render(people.take(np.array([1])), None, 32)
    assert np.array_equal(taken, render(people, None, 32)[1:])


@pytest.mark.parametrize("side", [32, 128])
def test_pictures_are_bytes_of_the_side_asked_for(side):
    images = render(draw_people(2, 0), draw_glasses(2, 0), side)
    assert images.shape == (2, 3, side, side)
    assert images.dtype == np.uint8
    assert images.std() > 20


def test_many_faces_are_rendered_as_few_are():
    whole = render(draw_people(501, 0), None, 8)
    assert np.array_equal(whole[500:], render(draw_people(501, 0).take(np.array([500])), None, 8))
