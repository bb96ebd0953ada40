"""The picture of the method's page: eyes that no training saw, refined, and photographs.

python -m reference.simgan.sheet docs/methods/simgan.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.data.sheet import in_lines, sheet
from harness.files import write_bytes
from reference.simgan import METHOD
from reference.simgan.artefacts import ZOOM
from reference.simgan.checkpoint import read_checkpoint
from reference.simgan.data import rendered_pictures
from reference.simgan.estimator import refine
from reference.simgan.networks import Refiner
from reference.simgan.plots import as_bytes

# Pictures a row, and rows of each kind.
COLUMNS, ROWS = 8, 2


def sheet_png(refiner: Refiner) -> bytes:
    """Return rows of synthetic eyes, of the same eyes refined, and of photographs, as PNG."""
    count = COLUMNS * ROWS
    pictures = rendered_pictures(1, count, count)
    refined = as_bytes(refine(refiner, pictures.held_out.images).numpy())
    kinds = {
        "synthetic": pictures.held_out.images,
        "refined": refined,
        "camera": pictures.real.images,
    }
    lines = [line for kind in kinds.items() for line in in_lines([kind], COLUMNS)]
    return sheet(lines, ZOOM)


def main() -> None:
    """Write the sheet of a checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--checkpoint", type=Path, default=METHOD.shipped())
    asked = parser.parse_args()
    write_bytes(asked.file, sheet_png(read_checkpoint(asked.checkpoint).networks.refiner))


if __name__ == "__main__":
    main()
