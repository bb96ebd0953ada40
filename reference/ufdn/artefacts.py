"""What a user gets beside the report: pictures before and after, and the terms by epoch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harness.data.sheet import in_lines, sheet
from harness.files import write_bytes
from harness.method import Deployable
from reference.pictures import to_bytes
from reference.training.record import copy_history
from reference.ufdn.metrics import run

PICTURES_FILE = "translated.png"
COLUMNS, LINES, ZOOM = 16, 4, 2


def write_artefacts(deployable: Deployable, training: Path, out: Path) -> dict[str, str]:
    """Write all that can be made; the terms only where a training left them.

    Args:
        deployable: The trained network.
        training: Folder of the training.
        out: Folder to write into.

    Returns:
        A short description → file name below `out`.
    """
    images = deployable.evaluation.inputs
    # Evenly from all domains, which stand behind each other.
    places = np.linspace(0, len(images) - 1, min(COLUMNS * LINES, len(images))).round().astype(int)
    made = to_bytes(run(deployable.module, images[places])[-1].numpy())
    columns = min(COLUMNS, len(places))
    rows = [("picture", images[places]), ("in one look", made)]
    write_bytes(out / PICTURES_FILE, sheet(in_lines(rows, columns), ZOOM))
    written = {"pictures of all domains, each above what it became (float)": PICTURES_FILE}
    return written | copy_history(training, out, "loss terms by epoch")
