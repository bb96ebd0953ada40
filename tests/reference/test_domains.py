"""Pictures of domains: what is held out, and what is refused."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harness.errors import DataError
from harness.method import InputContract
from reference.domains import FEWEST, Domain, read_domains

CONTRACT = InputContract(shape=(1, 6, 8), color="GRAY", range=(-1.0, 1.0))
NAMES = ("synthetic", "real")

# What each picture shows, by number: the same number is the same picture.
shown = st.lists(st.integers(0, 30), min_size=2, max_size=40).filter(lambda one: len(set(one)) > 1)


def domain(contents: list[int]) -> Domain:
    images = np.array(contents, np.uint8)[:, None, None, None] * np.ones((1, 1, 2, 2), np.uint8)
    return Domain(tuple(f"{place}.png" for place in range(len(contents))), images)


def contents(side: Domain) -> list[int]:
    return side.images[:, 0, 0, 0].tolist()


@given(contents_=shown, share=st.floats(0.01, 0.99))
def test_a_split_loses_nothing_and_shows_nothing_on_both_sides(contents_, share):
    train, held_out = domain(contents_).split(share)
    assert sorted(contents(train) + contents(held_out)) == sorted(contents_)
    assert not set(contents(train)) & set(contents(held_out))
    assert len(train)
    assert len(held_out)
    assert len(set(train.ids) | set(held_out.ids)) == len(contents_)


@given(contents_=shown, order=st.randoms(use_true_random=False))
def test_a_split_does_not_depend_on_order_or_names(contents_, order):
    shuffled = contents_.copy()
    order.shuffle(shuffled)
    sides = [set(contents(domain(one).split()[1])) for one in (contents_, shuffled)]
    assert sides[0] == sides[1]


@given(contents_=shown)
def test_copies_of_a_picture_do_not_change_the_split(contents_):
    held_out = set(contents(domain(contents_).split()[1]))
    assert set(contents(domain(contents_ + contents_).split()[1])) == held_out


def test_pictures_that_are_all_the_same_cannot_be_split():
    with pytest.raises(DataError, match="all 5 pictures are the same"):
        domain([3] * 5).split()


def write(folder, count, size=(8, 6), mode="L", suffix="png"):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        rng = np.random.default_rng([len(folder.name), number])
        pixels = rng.integers(0, 256, (size[1], size[0]), np.uint8)
        Image.fromarray(pixels).convert(mode).save(folder / f"{number}.{suffix}")


@pytest.fixture
def data(tmp_path):
    for name in NAMES:
        write(tmp_path / "data" / name, FEWEST)
    return tmp_path / "data"


def test_domains_are_read_from_folders_in_the_order_asked_for(data):
    synthetic, real = read_domains(data, NAMES, CONTRACT)
    assert synthetic.ids[0] == "synthetic/0.png"
    assert real.images.shape == (FEWEST, 1, 6, 8)
    with Image.open(data / "real" / "3.png") as image:
        assert np.array_equal(real.images[3, 0], np.asarray(image))


def test_a_zip_does_as_well(data, tmp_path):
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in data.rglob("*.png"):
            archive.write(file, file.relative_to(data))
    for ours, theirs in zip(
        *(read_domains(one, NAMES, CONTRACT) for one in (data, path)), strict=True
    ):
        assert ours.fingerprint() == theirs.fingerprint()


def test_larger_and_coloured_pictures_are_made_to_fit(data):
    write(data / "real", FEWEST, size=(64, 48), mode="RGB")
    _, real = read_domains(data, NAMES, CONTRACT)
    assert real.images.shape == (FEWEST, 1, 6, 8)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_domain_is_named(data, name):
    for file in (data / name).iterdir():
        file.unlink()
    with pytest.raises(DataError, match=f"no picture of the domain '{name}'") as caught:
        read_domains(data, NAMES, CONTRACT)
    assert f"{name}/" in caught.value.remedy


def test_a_single_picture_is_no_domain(data):
    for file in list((data / "real").iterdir())[1:]:
        file.unlink()
    with pytest.raises(DataError, match="1 pictures of the domain 'real'"):
        read_domains(data, NAMES, CONTRACT)


@pytest.mark.parametrize("size", [(7, 6), (8, 5)])
def test_a_picture_that_would_have_to_be_enlarged_is_named(data, size):
    write(data / "real", 1, size=size)
    with pytest.raises(DataError, match=r"real/0\.png is .* pixels") as caught:
        read_domains(data, NAMES, CONTRACT)
    assert "8 x 6" in caught.value.remedy


def test_a_picture_of_more_than_eight_bits_is_named(data):
    Image.fromarray(np.zeros((6, 8), np.uint16)).save(data / "synthetic" / "0.png")
    with pytest.raises(DataError, match=r"synthetic/0\.png is of mode I"):
        read_domains(data, NAMES, CONTRACT)


def test_a_damaged_picture_is_named(data):
    (data / "real" / "2.png").write_bytes(b"\x89PNG cut short")
    with pytest.raises(DataError, match=r"real/2\.png"):
        read_domains(data, NAMES, CONTRACT)


def test_data_that_are_not_there_are_named(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        read_domains(tmp_path / "nowhere", NAMES, CONTRACT)


@given(contents_=shown)
def test_the_fingerprint_tells_sets_apart(contents_):
    one = domain(contents_)
    other = domain([*contents_[:-1], contents_[-1] + 1])
    assert one.fingerprint() == domain(contents_).fingerprint()
    assert one.fingerprint() != other.fingerprint()
    assert one.fingerprint() != one.take(list(range(len(one) - 1))).fingerprint()
