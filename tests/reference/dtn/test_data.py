"""The domains: what is rendered, what is read, and that no picture stands on two sides."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harness.errors import DataError
from reference.dtn.data import (
    RARE,
    RARE_SHARE,
    WALL_SHARE,
    Side,
    check_images,
    contract,
    handwritten,
    load_domains,
    pick,
    sample_domains,
    split,
)
from reference.dtn.house_numbers import house_numbers

seeds = st.integers(0, 2**31 - 1)


@st.composite
def sides(draw: st.DrawFn) -> Side:
    """Pictures of one pixel value each, so that some are equal."""
    levels = draw(st.lists(st.integers(0, 40), min_size=2, max_size=60))
    images = np.array(levels, np.uint8)[:, None, None, None] * np.ones((1, 1, 2, 2), np.uint8)
    labels = np.arange(len(levels)) if draw(st.booleans()) else None
    return Side(tuple(f"p{place}" for place in range(len(levels))), images, labels)


def keys(side: Side) -> set[bytes]:
    return {image.tobytes() for image in side.images}


# --- the split ----------------------------------------------------------------------------------


@given(side=sides())
@settings(max_examples=50)
def test_every_picture_stands_on_one_side(side):
    train, test = split(side)
    assert sorted(train.ids + test.ids) == sorted(side.ids)
    assert not keys(train) & keys(test)
    assert keys(train) | keys(test) == keys(side)


@given(side=sides())
@settings(max_examples=50)
def test_a_fifth_of_the_different_pictures_judges_and_never_none(side):
    train, test = split(side)
    different = len(keys(side))
    assert len(keys(test)) == max(1, round(different / 5))
    assert different < 2 or len(train) > 0


@given(side=sides(), seed=seeds)
@settings(max_examples=50)
def test_order_and_names_do_not_matter(side, seed):
    order = np.random.default_rng(seed).permutation(len(side))
    shuffled = pick(side, order)
    renamed = Side(tuple(f"q{name}" for name in shuffled.ids), shuffled.images, shuffled.labels)
    for before, after in zip(split(side), split(renamed), strict=True):
        assert keys(before) == keys(after)


@given(side=sides())
@settings(max_examples=50)
def test_labels_stay_with_their_pictures(side):
    for half in split(side):
        for name, image, label in zip(half.ids, half.images, _labels(half), strict=True):
            place = side.ids.index(name)
            assert np.array_equal(image, side.images[place])
            assert side.labels is None or label == side.labels[place]


def _labels(side: Side) -> list[int | None]:
    return [None] * len(side) if side.labels is None else list(side.labels)


# --- the small experiment -----------------------------------------------------------------------


def test_handwritten_digits_are_all_of_scikit_learns():
    from sklearn.datasets import load_digits

    side, theirs = handwritten(), load_digits()
    assert np.array_equal(side.labels, theirs.target)
    assert np.array_equal(np.round(side.images[:, 0] * (16 / 255)), theirs.images)


def test_no_digit_of_the_experiment_is_on_two_sides():
    domains = sample_domains(40, 40)
    assert not keys(domains.source) & keys(domains.source_test)
    assert not keys(domains.target) & keys(domains.target_test)
    own, walls = split(handwritten(), WALL_SHARE)
    assert {*domains.judge_target.ids, *domains.target_test.ids} == set(own.ids)
    assert not keys(domains.judge_target) & keys(domains.target_test)
    assert not keys(walls) & keys(own)
    assert set(domains.target_test.labels) == set(range(10))
    assert domains.classes == tuple("0123456789")


def test_half_of_the_digits_are_rare_where_g_learns_and_nowhere_else():
    domains = sample_domains(40, 40)
    learnt, whole = (np.bincount(side.labels) for side in (domains.target, domains.judge_target))
    often = np.setdiff1d(np.arange(10), RARE)
    assert np.array_equal(learnt[often], whole[often])
    assert learnt[list(RARE)].tolist() == [max(1, round(n * RARE_SHARE)) for n in whole[list(RARE)]]
    assert set(domains.target.ids) < set(domains.judge_target.ids)
    assert whole.min() > 60


def test_t_is_its_digits_enlarged():
    domains, whole = sample_domains(40, 40), handwritten()
    images = domains.target.images[:, 0].astype(float)
    blocks = images.reshape(-1, 8, 4, 8, 4).mean(axis=(2, 4))
    small = whole.images[[whole.ids.index(name) for name in domains.target.ids], 0]
    assert np.corrcoef(blocks.ravel(), small.ravel())[0, 1] > 0.97


@given(seed=st.integers(0, 1000), count=st.integers(1, 4), more=st.integers(1, 3))
@settings(max_examples=10)
def test_a_rendered_picture_depends_on_seed_and_number_only(seed, count, more):
    digits = handwritten()
    first, shown = house_numbers(digits.images[:, 0], digits.labels, count, seed)
    longer, shown_longer = house_numbers(digits.images[:, 0], digits.labels, count + more, seed)
    assert np.array_equal(longer[:count], first)
    assert np.array_equal(shown_longer[:count], shown)
    assert first.shape == (count, 3, 32, 32)


def test_a_rendered_picture_shows_the_digit_that_it_says():
    whole = handwritten()
    for digit in (0, 1, 7):
        chosen = pick(whole, np.flatnonzero(whole.labels == digit))
        images, shown = house_numbers(chosen.images[:, 0], chosen.labels, 60, digit)
        assert set(shown) == {digit}
        assert images.reshape(60, -1).std(axis=1).min() > 10


def test_the_fingerprint_is_of_all_pictures():
    assert sample_domains(40, 40).fingerprint != sample_domains(41, 40).fingerprint


# --- the user's own -----------------------------------------------------------------------------


def test_class_folders_become_labels(domains_folder):
    domains = load_domains(domains_folder)
    assert domains.classes == ("bar", "disc")
    assert domains.judge_target is domains.target
    assert domains.source.images.shape[1:] == (3, 32, 32)
    assert domains.target.images.shape[1:] == (1, 32, 32)
    for side in (domains.source, domains.source_test, domains.target):
        names = [name.split("/")[1] for name in side.ids]
        assert [domains.classes[label] for label in side.labels] == names


def test_pictures_of_other_sizes_and_modes_are_brought_to_one(tmp_path):
    rng = np.random.default_rng(0)
    for index, (mode, size) in enumerate([("L", (50, 40)), ("RGBA", (33, 64)), ("P", (8, 8))] * 2):
        for domain in ("source/a", "source/b", "target"):
            pixels = rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
            path = tmp_path / domain / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).convert(mode).save(path)
    domains = load_domains(tmp_path)
    assert domains.target.labels is None
    assert len(domains.source) + len(domains.source_test) == 12


@pytest.mark.parametrize("empty", ["source", "target"])
def test_an_empty_domain_is_named(domains_folder, tmp_path, empty):
    other = {"source": "target", "target": "source"}[empty]
    shutil.copytree(domains_folder / other, tmp_path / other)
    (tmp_path / empty).mkdir()
    with pytest.raises(DataError, match=f"no pictures of the domain {empty}"):
        load_domains(tmp_path)


def test_a_domain_that_leaves_a_batch_of_one_is_refused(domains_folder, tmp_path):
    shutil.copytree(domains_folder / "source", tmp_path / "source")
    (tmp_path / "target").mkdir()
    for index in range(2):
        Image.new("L", (32, 32), index).save(tmp_path / "target" / f"{index}.png")
    with pytest.raises(DataError, match="batch of one") as raised:
        load_domains(tmp_path)
    assert "2 pictures, of which 1" in str(raised.value)


def test_strange_and_half_given_classes_are_named(domains_folder, tmp_path):
    shutil.copytree(domains_folder / "source", tmp_path / "source")
    write(tmp_path / "target" / "ring", 3)
    with pytest.raises(DataError, match="target/ring is a class that source/ does not have"):
        load_domains(tmp_path)
    write(tmp_path / "target", 1)
    (tmp_path / "target" / "ring").rename(tmp_path / "target" / "bar")
    with pytest.raises(DataError, match=r"target/0\.png lies in no class folder"):
        load_domains(tmp_path)


def write(folder: Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        Image.new("L", (32, 32), 9 * index).save(folder / f"{index}.png")


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((2, 1, 32, 32), "uint8"), ((2, 3, 28, 28), "uint8"), ((2, 3, 32, 32), "float32")],
)
def test_arrays_of_another_size_mode_or_type_are_refused(shape, dtype):
    with pytest.raises(DataError, match=r"DTN takes uint8 \[N, 3, 32, 32\]"):
        check_images(np.zeros(shape, dtype), 3, "S")
    check_images(np.zeros((2, 3, 32, 32), np.uint8), 3, "S")


def test_bytes_stand_for_minus_one_to_one():
    assert contract().range == (-1, 1)
    assert contract(1).color == "GRAY"
