"""Splits are partitions that depend on the data alone."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.items import in_order, natural_key
from harness.data.numbering import number_in_name, shots_of
from harness.data.split import folds, split_by_shot
from harness.errors import DataError
from tests.data.photo_sets import items_of

LABELS = st.text("abc123", min_size=1, max_size=3)
CAMERA_COUNTS = st.dictionaries(LABELS, st.integers(35, 60), min_size=2, max_size=10)
FOLD_COUNTS = st.dictionaries(LABELS, st.integers(7, 30), min_size=2, max_size=10)


def ids(items):
    return [item.id for item in items]


def test_the_shots_of_the_published_mail_give_its_denominators():
    split = split_by_shot(items_of({"1": 35, "2": 44, "3": 38}))
    assert (len(split.train), len(split.valid)) == (102, 15)


@given(CAMERA_COUNTS, st.randoms())
def test_the_camera_rule_is_a_partition_in_any_listing_order(counts, generator):
    items = items_of(counts)
    split = split_by_shot(items)
    assert sorted(ids(split.train) + ids(split.valid)) == sorted(ids(items))
    for label in counts:
        assert [item.shot for item in split.valid if item.label == label] == [31, 32, 33, 34, 35]
    shuffled = items[:]
    generator.shuffle(shuffled)
    assert split_by_shot(shuffled) == split


def test_a_class_without_validation_shots_is_refused_by_name():
    with pytest.raises(DataError, match="class 'b' has no picture on the validation side"):
        split_by_shot(items_of({"a": 35, "b": 20}))


@given(FOLD_COUNTS, st.integers(2, 7), st.integers(0, 5), st.randoms())
def test_folds_are_stratified_partitions_in_any_listing_order(counts, count, seed, generator):
    items = items_of(counts)
    splits = folds(items, count, seed)
    assert sorted(i for split in splits for i in ids(split.valid)) == sorted(ids(items))
    for split in splits:
        assert sorted(ids(split.train) + ids(split.valid)) == sorted(ids(items))
        for label, size in counts.items():
            held_out = sum(item.label == label for item in split.valid)
            assert held_out in (size // count, -(-size // count))
    sizes = [len(split.valid) for split in splits]
    assert max(sizes) - min(sizes) <= 1
    shuffled = items[:]
    generator.shuffle(shuffled)
    assert folds(shuffled, count, seed) == splits


def test_another_seed_makes_other_folds():
    items = items_of({"a": 20, "b": 20})
    assert folds(items, 5, seed=0) != folds(items, 5, seed=1)


@pytest.mark.parametrize("count", [0, 1, 8])
def test_folds_that_cannot_be_made_are_refused(count):
    with pytest.raises(DataError, match=f"{count} folds cannot be made: the smallest class has 7"):
        folds(items_of({"a": 7, "b": 9}), count)


@pytest.mark.parametrize(
    ("smallest", "remedy"),
    [(2, "choose 2 to 2 folds"), (7, "choose 2 to 7 folds"), (1, "take more photographs")],
)
def test_how_many_folds_can_be_made_is_said(smallest, remedy):
    with pytest.raises(DataError) as caught:
        folds(items_of({"a": smallest, "b": 9}), 8)
    assert caught.value.remedy == remedy


@given(st.lists(st.text("aA01289._-ü", max_size=8), unique=True), st.randoms())
def test_natural_order_is_total(names, generator):
    shuffled = names[:]
    generator.shuffle(shuffled)
    assert sorted(names, key=natural_key) == sorted(shuffled, key=natural_key)


def test_natural_order_compares_numbers_by_value_whatever_their_length():
    names = ["10", "2", "img9", "img10", "9" * 5000, "1" + "0" * 5000]
    ordered = ["2", "10", "9" * 5000, "1" + "0" * 5000, "img9", "img10"]
    assert sorted(names, key=natural_key) == ordered


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("10c/001.jpg", 1),
        ("1/img_12.jpg", 12),
        ("1/IMG_20190917_0031.JPG", 31),
        ("1/35 (b).jpg", 35),
        ("7/front.jpg", None),
        ("1/" + "9" * 30 + ".jpg", None),
    ],
)
def test_the_shot_is_the_last_number_in_the_file_name(name, number):
    assert number_in_name(name) == number


def test_usable_numbers_are_kept_with_their_gaps():
    paths = [f"1/{shot}.jpg" for shot in range(1, 41) if shot != 12]
    shots, counted = shots_of(paths)
    assert not counted
    assert "1/12.jpg" not in shots
    assert shots["1/31.jpg"] == 31


@pytest.mark.parametrize(
    "names",
    [
        [f"{chr(97 + place // 26)}{chr(97 + place % 26)}" for place in range(40)],
        [f"20190917_0917{minute:02}" for minute in range(40)],
        [*(f"{shot}" for shot in range(1, 40)), "x5"],
        [f"{shot}" for shot in range(1, 41) if shot != 33],
    ],
    ids=["no numbers", "time stamps", "numbers alike", "a validation shot deleted"],
)
def test_unusable_numbers_are_replaced_by_places_in_natural_order(names):
    paths = [f"1/{name}.jpg" for name in names]
    random.Random(0).shuffle(paths)
    shots, counted = shots_of(paths)
    assert counted
    in_places = sorted(shots, key=shots.__getitem__)
    assert in_places == sorted(paths, key=natural_key)
    assert sorted(shots.values()) == list(range(1, len(paths) + 1))


@given(st.randoms())
def test_items_have_one_order(generator):
    items = items_of({"2": 12, "10": 3, "a": 4})
    shuffled = items[:]
    generator.shuffle(shuffled)
    assert in_order(shuffled) == tuple(items)
