"""The one door to a user's labelled photographs: a folder or a zip, split or not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.data.archive import Archive, open_archive
from harness.data.class_folders import read_class_folders
from harness.data.decode import check_pictures
from harness.data.items import Item, Split, class_names, in_order
from harness.data.rules import MINIMUM_SHOTS
from harness.data.split import folds, make_split, split_by_shot
from harness.data.vtraining import has_sides, read_camera_set
from harness.errors import DataError
from harness.progress import SILENT, Progress


@dataclass(frozen=True)
class Dataset:
    """Labelled pictures that keep the rules and all decode.

    Attributes:
        path: The folder or zip.
        items: All pictures, sorted by (class, shot, id).
        classes: Class names in natural order.
        warnings: Remarks that do not stop the work, one line each.
        valid_ids: Ids of the validation pictures where the data come split; None where the
            camera's rule splits them.
    """

    path: Path
    items: tuple[Item, ...]
    classes: tuple[str, ...]
    warnings: tuple[str, ...]
    valid_ids: frozenset[str] | None = None

    def split(self) -> Split:
        """Return the data's own split, or else shots 31 to 35 of each class as validation.

        Raises:
            DataError: A class has no shot for one of the sides.
        """
        if self.valid_ids is None:
            return split_by_shot(self.items, self.warnings)
        return make_split(
            train=[item for item in self.items if item.id not in self.valid_ids],
            valid=[item for item in self.items if item.id in self.valid_ids],
            warnings=self.warnings,
        )

    def folds(self, count: int, seed: int = 0) -> list[Split]:
        """Return cross-validation folds over all pictures (see `harness.data.split.folds`)."""
        return folds(self.items, count, seed)


def open_dataset(
    path: Path, minimum_shots: int = MINIMUM_SHOTS, progress: Progress = SILENT
) -> Dataset:
    """Open what the camera wrote (train and valid), or class folders; as a folder or a zip.

    Args:
        path: Folder or zip.
        minimum_shots: How many pictures a class needs.
        progress: Who is told how the check of the pictures goes.

    Raises:
        DataError: The data break a rule, or a picture does not decode; the message names it.
    """
    archive = open_archive(path)
    if not archive.files:
        raise DataError(f"{path} is empty", "give a folder or zip with photographs")
    dataset = _read(archive, minimum_shots)
    check_pictures(dataset.items, progress)
    return dataset


def _read(archive: Archive, minimum_shots: int) -> Dataset:
    if not has_sides(archive):
        items, warnings = read_class_folders(archive, minimum_shots)
        return Dataset(archive.path, items, class_names(items), warnings)
    camera = read_camera_set(archive, minimum_shots)
    items = in_order([*camera.train, *camera.valid])
    valid_ids = frozenset(item.id for item in camera.valid)
    return Dataset(archive.path, items, class_names(items), camera.warnings, valid_ids)
