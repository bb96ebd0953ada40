"""Pictures of the small experiment as a folder, in the form that `--data` takes.

`python -m reference.ufdn.samples FOLDER --count N` writes N digits as they were scanned below
`source/` and N others on signs below `target/`, each in a folder a class.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import Image

from harness.files import write_bytes
from reference.dtn.data import Side
from reference.ufdn.data import SAMPLE_CLASSES, SOURCE, first, sample_domains


def write_samples(folder: Path, count: int) -> None:
    """Write `count` pictures of each domain as PNG files.

    They are those that judge: the shipped weights have not learnt from them.

    Args:
        folder: Where `source/` and `target/` are to lie.
        count: Of each domain.
    """
    for name, side in zip((SOURCE, "target"), sample_domains().test, strict=True):
        _write(folder / name, first(side, count))


def _write(folder: Path, side: Side) -> None:
    assert side.labels is not None
    for name, image, label in zip(side.ids, side.images, side.labels, strict=True):
        buffer = io.BytesIO()
        Image.fromarray(image.transpose(1, 2, 0)).save(buffer, "PNG")
        write_bytes(folder / SAMPLE_CLASSES[label] / f"{Path(name).name}.png", buffer.getvalue())


def main() -> None:
    """Write as many as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=100)
    given = parser.parse_args()
    write_samples(given.folder, given.count)


if __name__ == "__main__":
    main()
