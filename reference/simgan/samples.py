"""Rendered eyes as PNG files in the folders that `--data` takes.

python -m reference.simgan.samples eyes --count 40
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import Image

from harness.files import write_bytes
from reference.simgan.data import DOMAINS
from reference.simgan.eyes import Domain, render

_RENDERED: dict[str, Domain] = {"synthetic": "synthetic", "real": "camera"}


def write_samples(folder: Path, count: int, seed: int = 10) -> None:
    """Write `count` pictures of each domain: `synthetic/0.png`, `real/0.png` and so on."""
    for name in DOMAINS:
        for number, image in enumerate(render(count, seed, _RENDERED[name]).images):
            buffer = io.BytesIO()
            Image.fromarray(image[0]).save(buffer, "PNG")
            write_bytes(folder / name / f"{number}.png", buffer.getvalue())


def main() -> None:
    """Write the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=10)
    asked = parser.parse_args()
    write_samples(asked.folder, asked.count, asked.seed)


if __name__ == "__main__":
    main()
