"""The picture of the method's page: targets, guides, transfers by float and by the K210.

    python -m reference.content_transfer.figure RUN docs/methods/content_transfer.png

RUN is the folder of a run of the shipped weights with the backends `float` and `kpu`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.files import write_bytes
from reference.content_transfer import METHOD
from reference.content_transfer.artefacts import COLUMNS, in_lines, sheet
from reference.pictures import to_bytes

if TYPE_CHECKING:
    from harness.method import Images

BACKENDS = ("float", "kpu")
# Pairs with a target of A stand at even places, those with one of B at odd ones.
KINDS = (0, 1)


def figure_png(run: Path, pairs: Images) -> bytes:
    """Return four rows for targets of A, and four for targets of B, as PNG.

    Args:
        run: Folder of a run.
        pairs: What was run on, uint8 [N, 3, 2 S, S].
    """
    made = [to_bytes(np.load(run / "outputs" / backend / "picture.npy")) for backend in BACKENDS]
    side = pairs.shape[3]
    lines = []
    for kind in KINDS:
        some = slice(kind, kind + 2 * COLUMNS, 2)
        rows = [pairs[some, :, :side], pairs[some, :, side:], *(one[some] for one in made)]
        lines += in_lines(rows)
    return sheet(lines)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("file", type=Path)
    asked = parser.parse_args()
    pairs = METHOD.deployable(METHOD.shipped()).evaluation.inputs
    write_bytes(asked.file, figure_png(asked.run, pairs))


if __name__ == "__main__":
    main()
