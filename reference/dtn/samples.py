"""Pictures of the small experiment as a folder, in the form that `--data` takes.

`python -m reference.dtn.samples FOLDER --count N` writes N house numbers below `source/` and N
handwritten digits below `target/`, each in a folder a class.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image

from harness.files import write_bytes
from reference.dtn.data import FEWEST, SOURCE, TARGET, WALL_SHARE, Side, handwritten, pick, split
from reference.dtn.house_numbers import CLASSES, house_numbers

# A series of its own: neither what the shipped weights learnt from nor what they were judged by.
SERIES = 3


def write_samples(folder: Path, count: int) -> None:
    """Write `count` pictures of each domain as PNG files, T's as small as they are.

    Args:
        folder: Where `source/` and `target/` are to lie.
        count: Of each domain.
    """
    own, walls = split(handwritten(), WALL_SHARE)
    assert walls.labels is not None
    assert own.labels is not None
    images, labels = house_numbers(walls.images[:, 0], walls.labels, count, SERIES)
    # Few house numbers do not show every digit, and T has no class that S lacks.
    shown = np.flatnonzero(np.isin(own.labels, labels))
    names = tuple(f"{index:04d}" for index in range(count))
    _write(folder / SOURCE, Side(names, images, labels))
    _write(folder / TARGET, pick(own, shown[:count]))


def _write(folder: Path, side: Side) -> None:
    assert side.labels is not None
    for name, image, label in zip(side.ids, side.images, side.labels, strict=True):
        pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        write_bytes(folder / CLASSES[label] / f"{name}.png", buffer.getvalue())


def main() -> None:
    """Write as many as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=100)
    given = parser.parse_args()
    if given.count <= FEWEST:
        parser.error(f"--count {given.count}: DTN wants at least {FEWEST + 1} of each domain")
    write_samples(given.folder, given.count)


if __name__ == "__main__":
    main()
