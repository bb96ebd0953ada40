"""A plain folder (or zip) of class folders, split by the camera's rule."""

from __future__ import annotations

import posixpath
from collections import Counter

from harness.data.archive import PICTURE_SUFFIXES, Archive, has_suffix, listed
from harness.data.items import Item, natural_key
from harness.data.numbering import number_items
from harness.data.rules import check_class_count, check_shots, class_warnings
from harness.data.vtraining import FOLDER_NOT_FOUND, TRAIN_NAMES, VALID_NAMES
from harness.errors import DataError


def read_class_folders(
    archive: Archive, minimum_shots: int
) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """Read `<class>/<picture>`, with .jpg, .jpeg, .png and .bmp pictures.

    Returns:
        The items in order, and remarks that do not stop the work.

    Raises:
        DataError: There are no class folders, all lies inside one more folder, or there are too
            few or too many classes or too few shots.
    """
    pictures = [path for path in archive.files if has_suffix(path, PICTURE_SUFFIXES)]
    labels = {path: path.split("/")[0] for path in pictures if "/" in path}
    _refuse_empty(archive, pictures, labels)
    _refuse_enclosing_folder(archive, list(labels))
    counts = Counter(labels.values())
    classes = sorted(counts, key=natural_key)
    check_class_count(classes)
    check_shots({label: counts[label] for label in classes}, minimum_shots)
    items, counted = number_items(archive, labels)
    # A README beside the class folders is nobody's mistake.
    left_out = [p for p in archive.files if p not in labels and ("/" in p or p in pictures)]
    return items, (*class_warnings(classes), *_remarks(left_out, counted))


def _refuse_empty(archive: Archive, pictures: list[str], labels: dict[str, str]) -> None:
    if labels:
        return
    found = "pictures, but none in a class folder" if pictures else "no pictures"
    raise DataError(
        f"{archive.path} holds {found}",
        "put the pictures of each class into a folder of its own, or give what the camera wrote "
        "(train and valid)",
    )


def _refuse_enclosing_folder(archive: Archive, paths: list[str]) -> None:
    folder = _enclosing_folder(paths)
    if not folder:
        return
    remedy = (
        f"zip what is inside {folder!r}, not {folder!r} itself, so that train and valid lie at "
        "the top"
        if archive.is_zip
        else f"give {archive.path / folder} instead"
    )
    raise DataError(
        f"{FOLDER_NOT_FOUND}: {archive.path} keeps its pictures inside the folder {folder!r}",
        remedy,
    )


def _enclosing_folder(paths: list[str]) -> str:
    """Return the folder that train and valid, or all class folders, lie in; "" for the top."""
    sides = (*TRAIN_NAMES, *VALID_NAMES)
    for folder in map(posixpath.dirname, paths):
        parts = folder.split("/")
        depth = next((depth for depth, part in enumerate(parts) if part.lower() in sides), 0)
        if depth:
            return "/".join(parts[:depth])
    common = posixpath.commonpath(paths)
    return "" if any(posixpath.dirname(path) == common for path in paths) else common


def _remarks(left_out: list[str], counted: tuple[str, ...]) -> list[str]:
    remarks = []
    if left_out:
        remarks.append(f"left out, because they are no pictures of a class: {listed(left_out)}")
    if counted:
        remarks.append(
            f"file names of class {listed(counted)} carry no usable shot numbers: shots were "
            "counted in the order of the names"
        )
    return remarks
