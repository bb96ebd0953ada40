"""Which pictures train and which judge, and the pairs that are deployed on."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from harness.errors import DataError
from reference.content_transfer.data import (
    CONTENT,
    PLAIN,
    Pictures,
    as_floats,
    calibration_pairs,
    has_content,
    load_pictures,
    pairs,
    rendered_pictures,
)
from reference.content_transfer.faces import draw_glasses, draw_people, render
from reference.content_transfer.metrics import to_floats
from reference.content_transfer.samples import write_samples
from reference.content_transfer.settings import Settings
from reference.domains import Domain

few = hypothesis_settings(max_examples=10, deadline=None)


def all_sides(pictures: Pictures) -> list[set[bytes]]:
    sides = pictures.plain, pictures.content, pictures.held_plain, pictures.held_content
    return [set(map(bytes, side.images)) for side in sides]


def disjoint(pictures: Pictures) -> bool:
    sides = all_sides(pictures)
    return len(set.union(*sides)) == sum(map(len, sides))


@given(count=st.integers(1, 9), held_out=st.integers(1, 9))
@few
def test_no_rendered_picture_is_on_two_sides(count, held_out):
    pictures = rendered_pictures(count, 16, held_out)
    assert disjoint(pictures)
    assert (len(pictures.plain), len(pictures.held_content)) == (count, held_out)


def test_faces_of_the_two_domains_are_different_people():
    pictures = rendered_pictures(20, 32, 20)
    bare = {*map(bytes, pictures.truth.bare)}
    assert not bare & set.union(*all_sides(pictures))


@given(held_out=st.integers(2, 6))
@few
def test_the_truth_is_what_a_transfer_should_give(held_out):
    pictures = rendered_pictures(1, 32, held_out)
    glasses = draw_glasses(held_out, 4)
    place = held_out - 1
    wanted = render(draw_people(held_out, 3), glasses, 32)[place]
    assert np.array_equal(pictures.truth.given[place], wanted)
    assert np.array_equal(
        pictures.held_content.images[0],
        render(draw_people(1, 4), glasses.take(np.array([0])), 32)[0],
    )
    # The next of the last is the first.
    swapped = render(
        draw_people(held_out, 4).take(np.array([place])), glasses.take(np.array([0])), 32
    )
    assert np.array_equal(pictures.truth.swapped[place], swapped[0])


@given(seed=st.integers(0, 2**31 - 1), count=st.integers(8, 30))
@few
def test_a_users_pictures_are_split_by_what_they_show(seed, count):
    rng = np.random.default_rng(seed)
    shown = rng.integers(0, 256, (count, 3, 4, 4), dtype=np.uint8)
    twice = np.concatenate([shown, shown[:3]])
    train, held = Domain(tuple(map(str, range(len(twice)))), twice).split()
    assert not set(map(bytes, train.images)) & set(map(bytes, held.images))
    assert len(train) + len(held) == len(twice)


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    return rendered_pictures(12, 32, 10)


@given(count=st.integers(2, 30))
@few
def test_pairs_have_targets_of_both_domains_above_other_guides(pictures, count):
    found = pairs(pictures, count)
    inputs = found.evaluation.inputs
    labels = np.array([has_content(name) for name in found.evaluation.ids])
    half = min(count // 2, 10)
    assert inputs.shape == (2 * half, 3, 64, 32)
    assert labels.tolist() == [0, 1] * half
    targets, guides = inputs[:, :, :32], inputs[:, :, 32:]
    held_plain, held_content = (
        set(map(bytes, side.images)) for side in (pictures.held_plain, pictures.held_content)
    )
    assert set(map(bytes, targets[labels == 0])) <= held_plain
    assert set(map(bytes, targets[labels == 1])) <= held_content
    assert set(map(bytes, guides)) <= held_content
    assert not any(map(np.array_equal, targets, guides))
    assert len(set(found.evaluation.ids)) == 2 * half


def test_pairs_know_what_they_should_become(pictures):
    found = pairs(pictures, 8)
    for name, stacked in zip(found.evaluation.ids, found.evaluation.inputs, strict=True):
        target, guide = stacked[:, :32], stacked[:, 32:]
        wanted, bare = found.wanted[name], found.bare[name]
        if name.startswith(PLAIN):
            assert np.array_equal(bare, target)
        # Away from the glasses all that is wanted is the target's.
        assert np.array_equal(wanted[:, 24:], target[:, 24:])
        assert np.array_equal(bare[:, 24:], target[:, 24:])
        assert not np.array_equal(wanted, bare)
        assert not np.array_equal(wanted, guide)


def test_calibration_is_of_pictures_to_learn_from(pictures):
    found = calibration_pairs(pictures, 8)
    learnt = {*map(bytes, pictures.plain.images), *map(bytes, pictures.content.images)}
    assert found.shape == (8, 3, 64, 32)
    for half in (found[:, :, :32], found[:, :, 32:]):
        assert set(map(bytes, half)) <= learnt
    assert not any(map(np.array_equal, found[:, :, :32], found[:, :, 32:]))


def test_bytes_stand_for_minus_one_to_one():
    levels = np.array([0, 51, 255], np.uint8)
    np.testing.assert_allclose(to_floats(levels), [-1, -0.6, 1], atol=1e-6)
    assert as_floats.__doc__


def test_a_users_folders_are_read(folders):
    pictures = load_pictures(folders, Settings())
    assert pictures.truth is None
    assert disjoint(pictures)
    assert len(pictures.plain) + len(pictures.held_plain) == 12
    assert pictures.held_content.images.shape[1:] == (3, 32, 32)
    found = pairs(pictures, 64)
    assert not found.wanted
    assert len(found.evaluation) == 2 * min(len(pictures.held_plain), len(pictures.held_content))


def test_samples_are_read_as_they_were_rendered(tmp_path):
    write_samples(tmp_path, 9)
    pictures = load_pictures(tmp_path, Settings())
    plain = {*map(bytes, pictures.plain.images), *map(bytes, pictures.held_plain.images)}
    assert plain == set(map(bytes, render(draw_people(9, 10), None, 32)))


def test_the_fingerprint_is_of_every_picture():
    one, other = rendered_pictures(3, 16, 2), rendered_pictures(3, 16, 3)
    assert one.fingerprint() == rendered_pictures(3, 16, 2).fingerprint()
    assert one.fingerprint() != other.fingerprint()


@pytest.mark.parametrize("empty", [PLAIN, CONTENT])
def test_an_empty_domain_is_named(folders, tmp_path, empty):
    kept = CONTENT if empty == PLAIN else PLAIN
    shutil.copytree(folders / kept, tmp_path / kept)
    with pytest.raises(DataError, match=f"no picture of the domain '{empty}'"):
        load_pictures(tmp_path, Settings())


def test_pictures_that_are_too_small_are_named(folders):
    with pytest.raises(DataError, match="48 x 48 pixels and would have to be enlarged"):
        load_pictures(folders, Settings(side=128))


def test_pictures_of_another_mode_are_named(folders, tmp_path):
    shutil.copytree(folders / CONTENT, tmp_path / CONTENT)
    (tmp_path / PLAIN).mkdir()
    for number in range(8):
        deep = Image.fromarray(np.full((40, 40), 1000 * number, np.uint16))
        deep.save(tmp_path / PLAIN / f"{number}.png")
    with pytest.raises(DataError, match="mode I;16, with more than 8 bits"):
        load_pictures(tmp_path, Settings())


def test_the_same_picture_in_both_domains_is_refused(folders, tmp_path):
    for name in (PLAIN, CONTENT):
        shutil.copytree(folders / PLAIN, tmp_path / name)
    with pytest.raises(DataError, match="same picture in both domains"):
        load_pictures(tmp_path, Settings())
