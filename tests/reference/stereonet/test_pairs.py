"""The user's pairs: how they are read, and what is refused."""

from __future__ import annotations

import shutil
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harness.errors import DataError
from reference.stereonet.data import FEWEST, Pairs, load_sides, split
from reference.stereonet.pairs import read_pairs, write_disparity
from reference.stereonet.settings import Settings
from tests.reference.stereonet.conftest import PAIRS

QUICK = Settings(pairs=8)


def test_pictures_shrink_and_disparities_with_them(pairs_folder, rendered):
    names, left, right, disparity = read_pairs(pairs_folder)
    assert names == tuple(map(str, range(PAIRS)))
    assert left.shape == right.shape == (PAIRS, 3, 96, 192)
    # 200 lines are cropped to 192, then halved: four lines of 384 x 200 are cut at each end.
    whole = disparity > 0
    assert whole.mean() > 0.8
    assert disparity.max() == pytest.approx(rendered.disparity.max(), abs=0.01)


def test_a_zip_is_read_as_a_folder(pairs_folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "pairs.zip", "w") as file:
        for path in sorted(pairs_folder.rglob("*.png")):
            file.write(path, "mine/" + path.relative_to(pairs_folder).as_posix())
    found, expected = read_pairs(tmp_path / "pairs.zip"), read_pairs(pairs_folder)
    assert found[0] == expected[0]
    for one, other in zip(found[1:], expected[1:], strict=True):
        assert np.array_equal(one, other)


@given(values=st.lists(st.floats(0, 255.9), min_size=4, max_size=4))
@settings(max_examples=20)
def test_disparities_come_back_from_their_file(values, tmp_path_factory):
    path = tmp_path_factory.mktemp("one") / "0.png"
    written = np.array(values, np.float32).reshape(2, 2)
    write_disparity(path, written)
    with Image.open(path) as image:
        assert np.asarray(image) / 256 == pytest.approx(written, abs=1 / 512 + 1e-6)


def test_arrays_serve_as_disparities_too(pairs_folder, tmp_path):
    folder = tmp_path / "pairs"
    shutil.copytree(pairs_folder, folder)
    for path in (folder / "disparity").glob("*.png"):
        values = np.asarray(Image.open(path)) / 256
        np.save(path.with_suffix(".npy"), np.where(values > 0, values, np.nan))
        path.unlink()
    assert np.array_equal(read_pairs(folder)[3], read_pairs(pairs_folder)[3])


def change(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "pairs")
    return tmp_path / "pairs"


def no_right(folder):
    shutil.rmtree(folder / "right")


def one_alone(folder):
    (folder / "right" / "3.png").unlink()


def one_smaller(folder):
    with Image.open(folder / "right" / "3.png") as image:
        smaller = image.resize((380, 200))
    smaller.save(folder / "right" / "3.png")


def all_small(folder):
    for path in folder.rglob("*.png"):
        if path.parent.name != "disparity":
            Image.new("RGB", (100, 50)).save(path)


def no_picture(folder):
    (folder / "left" / "2.png").write_bytes(b"no picture")


def one_unknown(folder):
    (folder / "disparity" / "2.png").unlink()


def eight_bits(folder):
    Image.new("L", (384, 200), 9).save(folder / "disparity" / "2.png")


def another_size(folder):
    write_disparity(folder / "disparity" / "2.png", np.ones((96, 192), np.float32))


def all_far(folder):
    write_disparity(folder / "disparity" / "2.png", np.full((200, 384), 100, np.float32))


def colours(folder):
    (folder / "disparity" / "2.png").unlink()
    np.save(folder / "disparity" / "2.npy", np.ones((200, 384, 3)))


def pickled(folder):
    (folder / "disparity" / "2.png").unlink()
    np.save(folder / "disparity" / "2.npy", np.array([{}], object), allow_pickle=True)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (no_right, "holds no pictures in right/"),
        (one_alone, "right/ has no picture of 3"),
        (one_smaller, "the pictures of 3 have different sizes, 384 x 200 and 380 x 200"),
        (all_small, "would have to be enlarged"),
        (no_picture, "left/2"),
        (one_unknown, "disparity/ has no file of 2"),
        (eight_bits, "mode L is not one of 16 bits"),
        (another_size, "the disparity of 2 is 192 x 96 pixels"),
        (all_far, "no disparity of 2 in .* below 32 pixels"),
        (colours, r"float64 \[200, 384, 3\]"),
        (pickled, "2.npy is no disparity"),
    ],
)
def test_what_is_no_pair_is_told(pairs_folder, tmp_path, spoil, said):
    folder = change(pairs_folder, tmp_path)
    spoil(folder)
    with pytest.raises(DataError, match=said) as raised:
        load_sides(folder, QUICK)
    assert raised.value.remedy


def test_grey_pictures_are_pairs_too(blind_folder, tmp_path):
    folder = change(blind_folder, tmp_path)
    for path in folder.rglob("*.png"):
        Image.open(path).convert("L").save(path)
    assert np.array_equal(read_pairs(folder)[1], read_pairs(blind_folder)[1])


def numbered(contents: list[int]) -> Pairs:
    ids = tuple(map(str, range(len(contents))))
    pictures = np.array(contents, np.uint8)[:, None, None, None] * np.ones((1, 3, 2, 2), np.uint8)
    return Pairs(ids, pictures, pictures, np.ones((len(ids), 1, 2, 2), np.float32))


shown = st.lists(st.integers(0, 40), min_size=2, max_size=30).filter(lambda one: len(set(one)) > 1)


@given(contents=shown, order=st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_a_split_loses_nothing_and_shows_nothing_on_both_sides(contents, order):
    sides = split(numbered(contents))
    learnt, judged = (one.left[:, 0, 0, 0].tolist() for one in (sides.train, sides.test))
    assert sorted(learnt + judged) == sorted(contents)
    assert not set(learnt) & set(judged)
    assert len(learnt)
    assert len(judged)
    shuffled = contents.copy()
    order.shuffle(shuffled)
    assert set(split(numbered(shuffled)).test.left[:, 0, 0, 0].tolist()) == set(judged)


def test_pairs_that_are_all_the_same_cannot_be_split():
    with pytest.raises(DataError, match="all 9 pairs are the same"):
        split(numbered([3] * 9))


def test_enough_known_pairs_teach(pairs_folder):
    sides = load_sides(pairs_folder, QUICK)
    assert len(sides.train) + len(sides.test) == PAIRS >= FEWEST
    assert not set(sides.train.ids) & set(sides.test.ids)
    assert sides.remark == ""


def test_pairs_of_which_nothing_is_known_judge_and_lend_their_looks(blind_folder):
    sides = load_sides(blind_folder, QUICK)
    assert len(sides.test) == 3
    assert sides.test.disparity is None
    assert sides.test.truths() == {}
    assert len(sides.train) == 8
    assert (sides.train.disparity > 0).any()
    assert "learning from rendered scenes" in sides.remark


def test_stereograms_to_learn_from_are_none_that_judge():
    sides = load_sides(None, QUICK)
    learnt = {one.tobytes() for one in sides.train.left}
    assert not learnt & {one.tobytes() for one in sides.test.left}
    assert sides.fingerprint() == load_sides(None, QUICK).fingerprint()
    assert sides.fingerprint() != load_sides(None, Settings(pairs=9)).fingerprint()


def test_pictures_come_left_right_left_right():
    pairs = numbered([1, 2])
    assert pairs.evaluation().ids == ("0-left", "0-right", "1-left", "1-right")
    assert pairs.pictures()[:, 0, 0, 0].tolist() == [1, 1, 2, 2]
