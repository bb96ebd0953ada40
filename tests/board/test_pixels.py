"""RGB565 as MaixPy has it, checked by Pillow's own reading of the files."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from harness.board.pixels import bmp, on_grid, widened
from harness.errors import UsageError

SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))
COLOR = SIZES.flatmap(lambda size: arrays(np.uint8, (3, *size)))
GRAY = SIZES.flatmap(lambda size: arrays(np.uint8, (1, *size)))


@given(COLOR)
def test_the_grid_is_the_nearest_there_is(image):
    found = on_grid(image)
    for channel, bits in enumerate((5, 6, 5)):
        table = widened(bits).astype(int)
        wanted = np.abs(image[channel].astype(int)[..., None] - table).min(-1)
        assert (np.abs(image[channel].astype(int) - found[channel]) == wanted).all()


@given(COLOR)
def test_what_lies_on_the_grid_stays(image):
    once = on_grid(image)
    assert (on_grid(once) == once).all()


@given(GRAY)
def test_gray_keeps_all_bits(image):
    assert (on_grid(image) == image).all()
    with Image.open(io.BytesIO(bmp(image))) as picture:
        assert (np.asarray(picture.convert("L")) == image[0]).all()


@given(COLOR)
def test_a_colour_file_holds_the_levels(image):
    with Image.open(io.BytesIO(bmp(image))) as picture:
        read = np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
    # Pillow widens the levels by another rule; which level it is, both say the same.
    assert (on_grid(read) == on_grid(image)).all()


def test_black_and_white_come_through():
    ends = np.array([0, 255], np.uint8).reshape(1, 1, 2).repeat(3, 0)
    assert (on_grid(ends) == ends).all()


@pytest.mark.parametrize("channels", [2, 4])
def test_no_picture_of_other_channels(channels):
    with pytest.raises(UsageError, match=f"no pictures of {channels} channels"):
        bmp(np.zeros((channels, 4, 4), np.uint8))
