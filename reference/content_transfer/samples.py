"""Rendered faces as PNG files in the folders that `--data` takes.

`python -m reference.content_transfer.samples FOLDER --count N` writes N faces below `plain/` and N
other ones, with glasses, below `content/`.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import Image

from harness.files import write_bytes
from reference.content_transfer.data import DOMAINS, PLAIN
from reference.content_transfer.faces import draw_glasses, draw_people, render
from reference.content_transfer.settings import Settings

# Neither what the shipped weights learnt from nor what they were judged by.
SEED = 10


def write_samples(folder: Path, count: int, side: int = Settings.side, seed: int = SEED) -> None:
    """Write `count` pictures of each domain: `plain/0.png`, `content/0.png` and so on."""
    for place, name in enumerate(DOMAINS):
        glasses = None if name == PLAIN else draw_glasses(count, seed)
        images = render(draw_people(count, seed + place), glasses, side)
        for number, image in enumerate(images):
            buffer = io.BytesIO()
            Image.fromarray(image.transpose(1, 2, 0)).save(buffer, "PNG")
            write_bytes(folder / name / f"{number}.png", buffer.getvalue())


def main() -> None:
    """Write the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--side", type=int, default=Settings.side)
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args()
    write_samples(asked.folder, asked.count, asked.side, asked.seed)


if __name__ == "__main__":
    main()
