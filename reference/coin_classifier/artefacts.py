"""What a user gets beside the report: mail table, curves, confusion matrix, SD card archive."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from torch import nn

from harness.errors import MethodError
from harness.files import write_bytes, write_json, write_text
from harness.method import Deployable
from reference.coin_classifier.data import Side
from reference.coin_classifier.history import History
from reference.coin_classifier.mail import mail_table, mail_text
from reference.coin_classifier.metrics import confusion_matrix
from reference.coin_classifier.plots import confusion_png, curves_png
from reference.coin_classifier.sdcard import sdcard_zip
from reference.coin_classifier.structure import BLOCKS
from reference.coin_classifier.trainer import predict

# Pooled features at width 1.0.
FEATURES = BLOCKS[-1][0]


def write_artefacts(
    deployable: Deployable, kmodel: Path, training: Path, out: Path
) -> dict[str, str]:
    """Write all that can be made; curves and mail only where a training left its history.

    Args:
        deployable: The trained classifier.
        kmodel: The file for the board.
        training: Folder of the training.
        out: Folder to write into.

    Returns:
        A short description → file name below `out`.

    Raises:
        MethodError: The evaluation pictures have no labels, or the history is damaged.
    """
    written: dict[str, str] = {}
    history = History.load(training)
    if history:
        written |= _write_history(history, out)
    write_bytes(out / "confusion.png", _confusion(deployable))
    classes = deployable.evaluation.classes
    card = sdcard_zip(kmodel.read_bytes(), classes, deployable.contract, _width(deployable))
    write_bytes(out / "sdcard.zip", card)
    return written | {
        "confusion matrix of the float model": "confusion.png",
        "files for the SD card": "sdcard.zip",
    }


def _write_history(history: History, out: Path) -> dict[str, str]:
    write_bytes(out / "curves.png", curves_png(history))
    written = {"loss and accuracy curves": "curves.png"}
    table = mail_table(history)
    if table:
        write_text(out / "mail.txt", mail_text(table))
        write_json(out / "mail.json", table)
        written |= {"mail table": "mail.txt", "mail table as JSON": "mail.json"}
    return written


def _confusion(deployable: Deployable) -> bytes:
    evaluation = deployable.evaluation
    if evaluation.labels is None:
        raise MethodError("the evaluation pictures carry no labels", "give labelled photographs")
    side = Side(evaluation.ids, evaluation.inputs, evaluation.labels)
    predicted = predict(deployable.module, side).argmax(dim=1).numpy()
    matrix = confusion_matrix(evaluation.labels, predicted, len(evaluation.classes))
    return confusion_png(matrix, evaluation.classes)


def _width(deployable: Deployable) -> float:
    """Return the width multiplier of a deployable's network."""
    head = deployable.module.get_submodule("head")
    return cast("nn.Linear", head).in_features / FEATURES
