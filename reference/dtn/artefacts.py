"""What a user gets beside the report: pictures before and after, and the terms by epoch."""

from __future__ import annotations

from pathlib import Path

import torch

from harness.data.sheet import in_lines, sheet
from harness.files import write_bytes
from harness.method import Deployable
from reference.dtn.classify import predict
from reference.pictures import to_bytes
from reference.training.record import copy_history

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
    return written | copy_history(training, out, "loss terms by epoch")


class _Pictures(torch.nn.Module):
    """The last output of a deployed transfer."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return the pictures of T."""
        return self.module(pictures)[-1]  # type: ignore[no-any-return]
