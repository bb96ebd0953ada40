"""The picture of the page."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from reference.content_transfer.artefacts import COLUMNS
from reference.content_transfer.data import pairs, rendered_pictures
from reference.content_transfer.figure import BACKENDS, figure_png


def test_each_target_stands_above_its_guide_and_what_both_backends_made(tmp_path):
    shown = pairs(rendered_pictures(1, 32, COLUMNS), 2 * COLUMNS).evaluation.inputs
    for level, backend in enumerate(BACKENDS):
        (tmp_path / "outputs" / backend).mkdir(parents=True)
        made = np.full((len(shown), 3, 32, 32), level, np.float32)
        np.save(tmp_path / "outputs" / backend / "picture.npy", made)
    with Image.open(io.BytesIO(figure_png(tmp_path, shown))) as image:
        pixels = np.asarray(image)[::2, ::2].transpose(2, 0, 1)
    assert pixels.shape == (3, 8 * 32, COLUMNS * 32)
    for kind in (0, 1):
        top = 4 * 32 * kind
        assert np.array_equal(pixels[:, top : top + 64, 32:64], shown[2 + kind])
        assert (pixels[:, top + 64 : top + 96] == 128).all()
        assert (pixels[:, top + 96 : top + 128] == 255).all()
