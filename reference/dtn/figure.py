"""The page's picture, of a run on the method's own pictures.

`python -m reference.dtn.figure RUN OUT.png` shows house numbers, G of them in float and on the
K210's simulator, and real digits of T below.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from harness.data.sheet import in_lines, sheet
from harness.errors import DataError
from harness.files import write_bytes
from reference.dtn.artefacts import COLUMNS, ZOOM
from reference.dtn.data import sample_domains
from reference.dtn.method import CALIBRATION_PICTURES, EVALUATION_PICTURES
from reference.pictures import to_bytes

# Backend → what its pictures are called.
BACKENDS = {"float": "G, float", "kpu": "G, K210"}
LINES = 2


def figure(run: Path) -> bytes:
    """Return the PNG of a run folder.

    Raises:
        DataError: The run lacks one of the backends.
    """
    shown = COLUMNS * LINES
    domains = sample_domains(CALIBRATION_PICTURES, EVALUATION_PICTURES)
    rows = [("S", domains.source_test.images[:shown])]
    for backend, caption in BACKENDS.items():
        path = run / "outputs" / backend / "picture.npy"
        if not path.is_file():
            raise DataError(f"{run} has no outputs of {backend}", "run with --backends float,kpu")
        rows.append((caption, to_bytes(np.load(path)[:shown])))
    below = ("T", domains.target_test.images[:COLUMNS])
    return sheet([*in_lines(rows, COLUMNS), below], ZOOM)


def main() -> None:
    """Write the picture of the run that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    write_bytes(given.out, figure(given.run))


if __name__ == "__main__":
    main()
