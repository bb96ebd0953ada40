"""Copies across the split are found, and different photographs are left in peace."""

import io
import time

import imagehash
import numpy as np
import pytest
from PIL import Image

from harness.data.dataset import open_dataset
from harness.data.duplicates import DISTANCE_LIMIT, near_duplicates
from harness.data.items import Item, Split
from tests.conftest import timed

COPIES = {
    "saved at quality 50": (None, 50),
    "saved at quality 20": (None, 20),
    "half the size": ((75, 75), 95),
    "half the size, saved at quality 40": ((75, 75), 40),
    "enlarged": ((320, 320), 95),
    "stretched to the camera's size": ((320, 240), 95),
}


def png(image):
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def copy_of(item, size, quality):
    image = Image.open(io.BytesIO(item.read()))
    stream = io.BytesIO()
    image.resize(size or image.size).save(stream, "JPEG", quality=quality)
    return Item(f"copy/{item.id}", item.label, None, stream.getvalue)


@pytest.fixture(scope="module")
def coins(shared):
    """Real photographs: 5 kinds of euro coin, 80 of each."""
    return open_dataset(shared / "data" / "euro_coins")


@timed
def test_different_photographs_are_far_apart(coins):
    split = coins.split()
    started = time.perf_counter()
    assert near_duplicates(split) == []
    assert time.perf_counter() - started < 2
    nearest = near_duplicates(split, limit=60)[0]
    assert nearest.distance == 38


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_copies_of_every_photograph_are_found_and_nothing_else(coins, copy):
    train = coins.items
    split = Split(train, tuple(copy_of(item, *copy) for item in train[::4]), coins.classes)
    found = near_duplicates(split)
    assert {(pair.train.id, pair.valid.id) for pair in found} == {
        (item.id, f"copy/{item.id}") for item in train[::4]
    }
    assert max(pair.distance for pair in found) <= DISTANCE_LIMIT - 2


def test_a_planted_copy_is_reported_nearest_first(coins):
    split = coins.split()
    planted = (copy_of(split.train[40], None, 20), copy_of(split.train[7], None, 95))
    found = near_duplicates(Split(split.train, (*split.valid, *planted), split.classes))
    assert [pair.train for pair in found] == [split.train[7], split.train[40]]
    assert found[0].distance <= found[1].distance
    assert str(found[1]) == (
        f"copy/{split.train[40].id} (validation) looks like {split.train[40].id} (training): "
        f"{found[1].distance} of 256 hash bits differ"
    )


def test_a_side_without_pictures_has_no_copies():
    assert near_duplicates(Split((), (), ())) == []


def test_a_large_photograph_and_its_small_copy_are_found():
    large = Image.radial_gradient("L").resize((2400, 1800)).convert("RGB")
    large.paste((250, 30, 30), (300, 200, 1100, 900))
    small = large.resize((320, 240))
    items = []
    for name, image in (("large", large), ("small", small)):
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=90)
        items.append(Item(name, "a", 1, stream.getvalue))
    (pair,) = near_duplicates(Split((items[0],), (items[1],), ("a",)))
    assert (pair.train.id, pair.valid.id) == ("large", "small")


def test_the_distance_is_the_number_of_bits_that_differ():
    rng, sides = np.random.default_rng(2), []
    for names in ("ab", "cde"):
        pictures = {
            name: Image.fromarray(rng.integers(0, 256, (64, 64, 3), "u1")) for name in names
        }
        sides.append({name: png(image) for name, image in pictures.items()})
    items = [tuple(Item(n, "x", 1, lambda d=d: d) for n, d in side.items()) for side in sides]
    found = near_duplicates(Split(*items, ("x",)), limit=256)
    assert len(found) == 6
    assert [pair.distance for pair in found] == sorted(pair.distance for pair in found)
    for pair in found:
        one, two = (
            imagehash.phash(Image.open(io.BytesIO(item.read())), hash_size=16)
            for item in (pair.train, pair.valid)
        )
        assert pair.distance == one - two
        assert str(pair).endswith(f": {one - two} of 256 hash bits differ")
