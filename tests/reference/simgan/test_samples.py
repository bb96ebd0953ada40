"""The pictures that show what `--data` takes."""

from __future__ import annotations

import numpy as np

from reference.simgan.data import load_pictures
from reference.simgan.eyes import render
from reference.simgan.samples import write_samples
from reference.simgan.settings import Settings


def test_samples_are_read_as_they_were_rendered(tmp_path):
    write_samples(tmp_path, 12, seed=4)
    pictures = load_pictures(tmp_path, Settings())
    assert np.array_equal(pictures.real.images, render(12, 4, "camera").images)
    together = {*map(bytes, pictures.synthetic.images), *map(bytes, pictures.held_out.images)}
    assert together == set(map(bytes, render(12, 4, "synthetic").images))
    assert pictures.gaze is None
