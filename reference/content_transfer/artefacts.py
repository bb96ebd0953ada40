"""What a user gets beside the report: targets, guides and what became of them, and the terms."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from harness.files import write_bytes
from harness.method import Deployable
from reference.content_transfer.data import as_floats
from reference.content_transfer.metrics import apply
from reference.pictures import to_bytes
from reference.training.record import copy_history

if TYPE_CHECKING:
    from harness.method import Images

PICTURES_FILE = "transfer.png"
# Pairs a line, and lines, of the sheet.
COLUMNS, LINES = 16, 2
# A side below this is enlarged.
LEAST_SIDE = 64


def write_artefacts(deployable: Deployable, training: Path, out: Path) -> dict[str, str]:
    """Write all that can be made; the terms only where a training left them.

    Args:
        deployable: The trained transfer.
        training: Folder of the training.
        out: Folder to write into.

    Returns:
        A short description → file name below `out`.
    """
    shown = deployable.evaluation.inputs[: COLUMNS * LINES]
    made = apply(lambda pairs: deployable.module(pairs)[0], as_floats(torch.from_numpy(shown)))
    side = shown.shape[3]
    rows = [shown[:, :, :side], shown[:, :, side:], to_bytes(made.numpy())]
    write_bytes(out / PICTURES_FILE, sheet(in_lines(rows)))
    written = {"targets, below each its guide and what is transferred (float)": PICTURES_FILE}
    return written | copy_history(training, out, "loss terms by step")


def in_lines(rows: Sequence[Images], columns: int = COLUMNS) -> list[Images]:
    """Cut long rows into lines of so many pictures; lines of all rows stand together."""
    columns = min(columns, len(rows[0]))
    starts = range(0, len(rows[0]) - columns + 1, columns)
    return [row[start : start + columns] for start in starts for row in rows]


def sheet(lines: Sequence[Images]) -> bytes:
    """Return lines of pictures, uint8 [N, 3, S, S] each with the same N, as one PNG."""
    pixels = [np.concatenate(list(line), axis=2).transpose(1, 2, 0) for line in lines]
    image = Image.fromarray(np.concatenate(pixels))
    zoom = max(1, -(-LEAST_SIDE // lines[0].shape[3]))
    zoomed = image.resize((image.width * zoom, image.height * zoom), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    zoomed.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
