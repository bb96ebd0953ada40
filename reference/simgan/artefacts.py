"""What a user gets beside the report: pictures before and after, and the training's curves."""

from __future__ import annotations

from pathlib import Path

from harness.data.sheet import in_lines, sheet
from harness.files import write_bytes
from harness.method import Deployable
from reference.simgan.estimator import refine
from reference.simgan.history import History
from reference.simgan.plots import as_bytes, curves_png

# Pictures a row, and rows of pairs, of the sheet.
COLUMNS, PAIRS = 8, 3
ZOOM = 3


def write_artefacts(deployable: Deployable, training: Path, out: Path) -> dict[str, str]:
    """Write all that can be made; curves only where a training left its history.

    Args:
        deployable: The refiner.
        training: Folder of the training.
        out: Folder to write into.

    Returns:
        A short description → file name below `out`.

    Raises:
        MethodError: The history is damaged.
    """
    written: dict[str, str] = {}
    history = History.load(training)
    if history and history.rows:
        write_bytes(out / "curves.png", curves_png(history))
        written["loss terms of the training"] = "curves.png"
    write_bytes(out / "refined.png", _sheet(deployable))
    return written | {"synthetic pictures, and below each its refined one": "refined.png"}


def _sheet(deployable: Deployable) -> bytes:
    images = deployable.evaluation.inputs
    columns = min(COLUMNS, len(images))
    images = images[: min(PAIRS, len(images) // columns) * columns]
    refined = as_bytes(refine(deployable.module, images).numpy())
    return sheet(in_lines([("synthetic", images), ("refined", refined)], columns), ZOOM)
