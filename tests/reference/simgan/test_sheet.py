"""The picture of the page."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from reference.simgan.data import rendered_pictures
from reference.simgan.networks import Refiner
from reference.simgan.sheet import COLUMNS, sheet_png


def test_the_sheet_shows_both_domains_and_what_is_between():
    data = sheet_png(Refiner(0.05, 1))
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.asarray(image)[1::3, 1 - 3 * (COLUMNS * 57 - 2) :: 3, 0]
    pictures = rendered_pictures(1, COLUMNS, 1)
    assert np.array_equal(pixels[:35, :55], pictures.held_out.images[0, 0])
    assert np.array_equal(pixels[4 * 37 : 4 * 37 + 35, :55], pictures.real.images[0, 0])
