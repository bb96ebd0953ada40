"""What a user gets beside the report: pictures before and after, and the terms by epoch."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from harness.data.sheet import in_lines, sheet
from harness.files import write_bytes
from harness.method import Deployable
from reference.dtn.classify import predict
from reference.training.record import FILE_NAME as HISTORY_NAME

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.method import Images

PICTURES_FILE = "transfer.png"
COLUMNS, LINES, ZOOM = 16, 4, 2


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
    made = predict(_Pictures(deployable.module), torch.from_numpy(shown)).numpy()
    rows = [("S", shown), ("T", to_bytes(made))]
    columns = min(COLUMNS, len(shown))
    write_bytes(out / PICTURES_FILE, sheet(in_lines(rows, columns), ZOOM))
    written = {"pictures of S, each above its like in T (float)": PICTURES_FILE}
    if (training / HISTORY_NAME).is_file():
        shutil.copyfile(training / HISTORY_NAME, out / HISTORY_NAME)
        written["loss terms by epoch"] = HISTORY_NAME
    return written


def to_bytes(pictures: npt.NDArray[np.float32]) -> Images:
    """Turn what g gives into bytes: float32 in −1 to 1 → uint8."""
    levels = np.clip((pictures + 1) * 127.5, 0, 255).round()
    return np.asarray(levels, np.uint8)


class _Pictures(torch.nn.Module):
    """The last output of a deployed transfer."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return the pictures of T."""
        return self.module(pictures)[-1]  # type: ignore[no-any-return]
