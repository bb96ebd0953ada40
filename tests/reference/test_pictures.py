"""Pictures as bytes."""

import numpy as np

from reference.pictures import to_bytes


def test_bytes_of_pictures():
    levels = np.array([-1.2, -1, 0, 1, 1.2], np.float32)
    assert to_bytes(levels).tolist() == [0, 0, 128, 255, 255]


def test_every_byte_comes_back():
    levels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_bytes(levels.astype(np.float32) / 127.5 - 1), levels)
