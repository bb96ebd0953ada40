"""What a user gets beside the report: disparities, as pictures and as files, and the losses."""

from __future__ import annotations

from pathlib import Path

from harness.files import write_bytes
from harness.method import Deployable
from reference.stereonet.metrics import StereoMetrics
from reference.stereonet.pairs import write_disparity
from reference.stereonet.pictures import coloured, png
from reference.training.record import copy_history

PICTURES_FILE = "disparities.png"
FOLDER = "disparities"
MOST_ROWS = 8


def write_artefacts(deployable: Deployable, training: Path, out: Path) -> dict[str, str]:
    """Write all that can be made; the losses only where a training left them.

    Args:
        deployable: The trained tower, with the host's part among its metrics.
        training: Folder of the training.
        out: Folder to write into.

    Returns:
        A short description → file name below `out`.
    """
    assert isinstance(deployable.metrics, StereoMetrics)
    lefts, disparities = deployable.metrics.in_float(deployable.evaluation)
    most = float(disparities.max())
    rows = []
    for number, (name, place) in enumerate(lefts.items()):
        disparity = disparities[number, 0]
        write_disparity(out / FOLDER / f"{name.replace('/', '_')}.png", disparity)
        row = [deployable.evaluation.inputs[place].transpose(1, 2, 0), coloured(disparity, most)]
        truth = deployable.metrics.truths.get(name)
        rows.append([*row, coloured(truth[0], most)] if truth is not None else row)
    narrowest = min(len(row) for row in rows)
    write_bytes(out / PICTURES_FILE, png([row[:narrowest] for row in rows[:MOST_ROWS]]))
    written = {
        "left pictures, disparities (float) and, where known, true ones": PICTURES_FILE,
        "disparities of all pairs as 16-bit pictures, 256 levels a pixel": FOLDER,
    }
    return written | copy_history(training, out, "losses of each level by epoch")
