"""The domains: how they are rendered, what is read, and that no picture stands on two sides."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harness.errors import DataError
from reference.dtn.data import Side, handwritten
from reference.ufdn.data import (
    IMAGE_LOOKS,
    check_images,
    first,
    grey,
    join,
    labels_of,
    load_domains,
    sample_domains,
    shares,
)
from reference.ufdn.looks import BLUE, LOOKS, PAPER
from reference.ufdn.samples import write_samples
from reference.ufdn.settings import Settings

ADAPTING, PICTURES = Settings(), Settings(form="images")


@st.composite
def sides(draw: st.DrawFn) -> Side:
    """Pictures of one pixel value each, so that some are equal."""
    levels = draw(st.lists(st.integers(0, 60), min_size=8, max_size=60))
    images = np.array(levels, np.uint8)[:, None, None, None] * np.ones((1, 1, 2, 2), np.uint8)
    return Side(tuple(f"p{n}" for n in range(len(levels))), images, np.arange(len(levels)))


def keys(side: Side) -> set[bytes]:
    return {image.tobytes() for image in side.images}


# --- the small experiment -----------------------------------------------------------------------


@given(side=sides(), count=st.integers(1, 3))
@settings(max_examples=50)
def test_every_picture_is_in_one_part(side, count):
    parts = shares(side, count)
    assert len(parts) == count
    assert sorted(name for part in parts for name in part.ids) == sorted(side.ids)
    assert sum(len(keys(part)) for part in parts) == len(keys(side))
    found = [len(keys(part)) for part in parts]
    assert max(found) - min(found) <= 2


@pytest.mark.parametrize("looks", [("scan", "sign"), IMAGE_LOOKS])
def test_no_digit_has_two_looks_or_stands_on_two_sides(looks):
    domains = sample_domains(looks)
    assert domains.names == looks
    names = [name.split("/")[1] for side in (*domains.train, *domains.test) for name in side.ids]
    assert sorted(names) == sorted(handwritten().ids)
    for train, test in zip(domains.train, domains.test, strict=True):
        assert not keys(train) & keys(test)
        assert set(test.labels) == set(range(10))


def test_labels_stay_with_their_digits():
    whole = handwritten()
    for side in sample_domains().train:
        places = [whole.ids.index(name.split("/")[1]) for name in side.ids]
        assert np.array_equal(side.labels, whole.labels[places])


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_shows_the_digit_that_it_is_given(look):
    digits = handwritten().images[:40, 0]
    images = LOOKS[look](digits)
    assert images.shape == (40, 3, 32, 32)
    assert images.dtype == np.uint8
    assert np.array_equal(LOOKS[look](digits[3:4]), images[3:4])


@pytest.mark.parametrize(
    ("look", "ground", "least"), [("scan", (0, 0, 0), 0.97), ("sign", BLUE, 0.97)]
)
def test_paint_is_where_there_is_ink(look, ground, least):
    digits = handwritten().images[:40, 0]
    assert np.corrcoef(painted(look, ground, digits).ravel(), digits.ravel())[0, 1] > least


def test_a_sketch_has_its_lines_where_ink_ends():
    digits = handwritten().images[:40, 0]
    padded = np.pad(digits.astype(int), ((0, 0), (1, 1), (1, 1)))
    around = np.stack([padded[:, y : y + 8, x : x + 8] for y in range(3) for x in range(3)])
    steps = (around.max(0) - around.min(0)).ravel()
    lines = painted("sketch", PAPER, digits).ravel()
    assert np.corrcoef(lines, steps)[0, 1] > 0.4 > 0.1 > np.corrcoef(lines, digits.ravel())[0, 1]


def painted(look, ground, digits):
    """How far each block of 4 x 4 pixels is from the ground: [N, 8, 8]."""
    apart = np.abs(LOOKS[look](digits).astype(int) - np.reshape(ground, (1, 3, 1, 1)))
    return apart.sum(1).reshape(-1, 8, 4, 8, 4).mean((2, 4))


def test_grey_pictures_are_known():
    scans, signs = sample_domains().train
    assert grey(scans)
    assert not grey(signs)


def test_the_fingerprint_is_of_pictures_and_domains():
    found = {sample_domains(looks).fingerprint for looks in (("scan", "sign"), ("sign", "scan"))}
    assert len(found) == 2


def test_joined_sides_have_labels_if_all_have_them():
    scans, signs = (first(side, 3) for side in sample_domains().test)
    ids, images, labels = join([scans, signs])
    assert ids == scans.ids + signs.ids
    assert np.array_equal(images[3:], signs.images)
    assert np.array_equal(labels, [*scans.labels, *signs.labels])
    unknown = Side(signs.ids, signs.images, None)
    assert join([scans, unknown])[2] is None
    assert labels_of(unknown).tolist() == [-1] * 3


def test_samples_are_read_back_to_the_bit(tmp_path):
    write_samples(tmp_path, 40)
    found, known = load_domains(tmp_path, ADAPTING), sample_domains()
    assert found.names == ("source", "target")
    assert found.classes == known.classes
    for place in range(2):
        own = keys(found.train[place]) | keys(found.test[place])
        assert own == keys(first(known.test[place], 40))


# --- the user's own -----------------------------------------------------------------------------


def test_class_folders_become_labels_and_the_source_is_first(domains_folder, tmp_path):
    shutil.copytree(domains_folder / "source", tmp_path / "source")
    shutil.copytree(domains_folder / "target", tmp_path / "a_target")
    domains = load_domains(tmp_path, ADAPTING)
    assert domains.names == ("source", "a_target")
    assert domains.classes == ("bar", "disc")
    for side in (*domains.train, *domains.test):
        assert [domains.classes[label] for label in side.labels] == [
            name.split("/")[1] for name in side.ids
        ]


def test_targets_need_no_classes_and_pictures_no_source(domains_folder, tmp_path):
    shutil.copytree(domains_folder / "source", tmp_path / "source")
    for number, path in enumerate((domains_folder / "target").rglob("*.png")):
        (tmp_path / "other").mkdir(exist_ok=True)
        shutil.copyfile(path, tmp_path / "other" / f"{number}.png")
    assert load_domains(tmp_path, ADAPTING).train[1].labels is None
    (tmp_path / "source").rename(tmp_path / "third")
    found = load_domains(tmp_path, PICTURES)
    assert found.names == ("other", "third")
    assert found.classes == ()


def test_pictures_of_other_sizes_and_modes_are_brought_to_one(tmp_path):
    rng = np.random.default_rng(0)
    for index, (mode, size) in enumerate([("L", (50, 40)), ("RGBA", (33, 64)), ("P", (8, 8))] * 2):
        for domain in ("photo", "drawing"):
            pixels = rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
            path = tmp_path / domain / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).convert(mode).save(path)
    assert load_domains(tmp_path, PICTURES).train[0].images.shape[1:] == (3, 32, 32)
    larger = load_domains(tmp_path, Settings(form="images", side=64))
    assert larger.train[0].images.shape[1:] == (3, 64, 64)


def broken(folder, domains_folder, change):
    shutil.copytree(domains_folder, folder)
    change(folder)
    return folder


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: shutil.rmtree(f / "source"), "holds no pictures of the domain source"),
        (lambda f: shutil.rmtree(f / "target"), "holds no pictures but those of source"),
        (
            lambda f: [shutil.rmtree(f / name / "bar") for name in ("source", "target")],
            "source/ has one class only, disc",
        ),
        (lambda f: (f / "target" / "bar").rename(f / "target" / "ring"), "the class ring is in"),
        (
            lambda f: (f / "source" / "bar" / "0.png").rename(f / "source" / "0.png"),
            r"source/0\.png lies in no class folder",
        ),
        (
            lambda f: (f / "target" / "bar" / "0.png").rename(f / "target" / "0.png"),
            r"target/0\.png lies in no class folder",
        ),
        (
            lambda f: (f / "target" / "bar" / "0.png").write_bytes(b"no picture"),
            r"target/bar/0\.png",
        ),
    ],
)
def test_domains_that_do_not_do_are_named(tmp_path, domains_folder, change, said):
    with pytest.raises(DataError, match=said):
        load_domains(broken(tmp_path / "data", domains_folder, change), ADAPTING)


def test_a_domain_that_leaves_a_batch_of_one_is_refused(domains_folder, tmp_path):
    shutil.copytree(domains_folder / "source", tmp_path / "source")
    (tmp_path / "target").mkdir()
    for index in range(2):
        Image.new("L", (32, 32), index).save(tmp_path / "target" / f"{index}.png")
    with pytest.raises(DataError, match="batch of one") as raised:
        load_domains(tmp_path, ADAPTING)
    assert "2 pictures, of which 1" in str(raised.value)


def test_the_small_experiment_has_one_size():
    with pytest.raises(DataError, match="have 32 pixels a side"):
        load_domains(None, Settings(side=64))


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 1, 32, 32), np.uint8),
        np.zeros((2, 3, 28, 32), np.uint8),
        np.zeros((2, 3, 32, 32), np.float32),
    ],
)
def test_arrays_of_another_size_or_mode_are_refused(images):
    with pytest.raises(DataError, match="UFDN takes uint8"):
        check_images(images, 32, "target")
