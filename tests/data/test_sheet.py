"""Pictures in lines, with what each line shows."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harness.data.sheet import GAP, MARGIN, in_lines, sheet


def pictures(count, channels=1, size=(5, 7), seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 200, (count, channels, *size), dtype=np.uint8)


def pixels_of(data):
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "RGB"
        return np.asarray(image)


@settings(max_examples=10)
@given(st.integers(1, 4), st.integers(1, 3), st.sampled_from([1, 3]), st.integers(1, 3))
def test_every_picture_stands_in_its_place(count, lines, channels, zoom):
    rows = [("row", pictures(count, channels, seed=line)) for line in range(lines)]
    pixels = pixels_of(sheet(rows, zoom))
    height, width = 5 + GAP, 7 + GAP
    assert pixels.shape[0] == zoom * (lines * height - GAP)
    left = pixels.shape[1] - zoom * (count * width - GAP)
    for line, (_, images) in enumerate(rows):
        for place, image in enumerate(images):
            top, start = zoom * line * height, left + zoom * place * width
            found = pixels[top : top + 5 * zoom : zoom, start : start + 7 * zoom : zoom]
            assert np.array_equal(found, np.broadcast_to(image, (3, 5, 7)).transpose(1, 2, 0))


def test_each_line_has_its_own_caption():
    images = pictures(2, size=(20, 20))
    pixels = pixels_of(sheet([("one", images), ("another", images)], 1))
    left = pixels.shape[1] - (2 * (20 + GAP) - GAP)
    first, second = pixels[:20, :left], pixels[22:, :left]
    assert first.min() < 128
    assert second.min() < 128
    assert not np.array_equal(first, second)


def test_a_shorter_line_ends_white():
    pixels = pixels_of(sheet([("a", pictures(3)), ("b", pictures(1))], 1))
    assert (pixels[5 + GAP :, -(7 + GAP) :] == 255).all()


@pytest.mark.parametrize(("count", "lines"), [(5, 2), (4, 2), (1, 1)])
def test_rows_are_cut_so_that_the_same_numbers_stand_below_each_other(count, lines):
    above, below = pictures(count, seed=1), pictures(count, seed=2)
    found = in_lines([("a", above), ("b", below)], 2)
    assert [caption for caption, _ in found] == ["a", "b"] * lines
    for number in range(lines):
        for row, images in ((0, above), (1, below)):
            assert np.array_equal(found[2 * number + row][1], images[2 * number : 2 * number + 2])


def test_one_row_is_cut_into_lines():
    images = pictures(5)
    found = in_lines([("a", images)], 2)
    assert [len(line) for _, line in found] == [2, 2]
    assert np.array_equal(found[1][1], images[2:4])


def test_pictures_are_apart_and_captions_have_air_around_them():
    black = np.zeros((2, 1, 30, 20), np.uint8)
    pixels = pixels_of(sheet([("caption", black)] * 2, 2))
    left = pixels.shape[1] - 2 * (2 * 20 + GAP)
    assert (pixels[:, left + 40 : left + 40 + 2 * GAP] == 255).all()
    assert (pixels[60 : 60 + 2 * GAP, left:] == 255).all()
    columns = np.flatnonzero((pixels[:, :left] < 128).any(axis=(0, 2)))
    assert abs(columns[0] - MARGIN) <= 2
    assert abs(left - 1 - columns[-1] - MARGIN) <= 2
