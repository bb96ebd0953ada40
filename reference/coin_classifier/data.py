"""Photographs as tensors: which pictures train, which judge, and what tells two sets apart."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from harness.data.dataset import open_dataset
from harness.data.duplicates import near_duplicates
from harness.data.images import load_images
from harness.data.items import Item, Split
from harness.method import EvaluationSet, Fold, InputContract
from harness.progress import SILENT, Progress

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.method import Images

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Side:
    """One side of a split.

    Attributes:
        ids: One name a picture.
        images: uint8 [N, 3, S, S], RGB.
        labels: int64 [N].
    """

    ids: tuple[str, ...]
    images: Images
    labels: npt.NDArray[np.int64]

    def tensors(self, device: str = "cpu") -> tuple[Tensor, Tensor]:
        """Return images and labels on a device."""
        return torch.from_numpy(self.images).to(device), torch.from_numpy(self.labels).to(device)


@dataclass(frozen=True)
class Pictures:
    """A data set ready for training.

    Attributes:
        train: What is learnt from.
        valid: What is judged by.
        classes: Names of the classes, by label.
        fingerprint: Hash of names, bytes and sides of all pictures.
        warnings: Remarks about the data, near-duplicates across the split among them.
    """

    train: Side
    valid: Side
    classes: tuple[str, ...]
    fingerprint: str
    warnings: tuple[str, ...]

    def evaluation(self) -> EvaluationSet:
        """Return the validation side as backends are compared on it."""
        return EvaluationSet(self.valid.ids, self.valid.images, self.valid.labels, self.classes)

    def learning(self) -> EvaluationSet:
        """Return the training side for fine-tuning."""
        return EvaluationSet(self.train.ids, self.train.images, self.train.labels, self.classes)


def contract(size: int) -> InputContract:
    """Return what the classifier eats: RGB bytes that stand for 0 to 1."""
    return InputContract(shape=(3, size, size))


def sample_data() -> Path:
    """Return the folder of rendered coins: inside an installed package, or in the repository."""
    packaged = Path(__file__).with_name("sample_data")
    return packaged if packaged.is_dir() else REPOSITORY / "fixtures" / "coins"


def load_pictures(
    data: Path | None, size: int, fold: Fold | None = None, progress: Progress = SILENT
) -> Pictures:
    """Read, check, split and decode a data set.

    Args:
        data: Folder or zip; None for the rendered coins.
        size: Side of the pictures in pixels.
        fold: Cross-validation fold over all pictures; None for the camera's own split.
        progress: Who hears of the decoding.

    Raises:
        DataError: The data break a rule of V-Training, or a picture does not decode.
    """
    dataset = open_dataset(data or sample_data(), progress=progress)
    split = dataset.folds(fold.count)[fold.index] if fold else dataset.split()
    remarks = split.warnings or dataset.warnings
    return Pictures(
        train=_side(split, split.train, size, progress),
        valid=_side(split, split.valid, size, progress),
        classes=split.classes,
        fingerprint=_fingerprint(split),
        warnings=(*remarks, *map(str, near_duplicates(split))),
    )


def spread(count: int, wanted: int) -> list[int]:
    """Return `wanted` places spread evenly over `count`, or all of them if there are fewer."""
    return sorted(set(np.linspace(0, count - 1, min(wanted, count)).round().astype(int).tolist()))


def _side(split: Split, items: tuple[Item, ...], size: int, progress: Progress) -> Side:
    return Side(
        ids=tuple(item.id for item in items),
        images=load_images(items, contract(size), progress),
        labels=np.array([split.index(item) for item in items], np.int64),
    )


def _fingerprint(split: Split) -> str:
    digest = hashlib.sha256()
    for side, items in (("train", split.train), ("valid", split.valid)):
        for item in items:
            digest.update(f"{side}\0{item.id}\0{item.label}\0{item.sha256()}\n".encode())
    return digest.hexdigest()
