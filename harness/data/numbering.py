"""Shot numbers: which picture of a class was taken first, which second, which third."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from harness.data.archive import Archive
from harness.data.items import Item, in_order, natural_key
from harness.data.rules import VALID_SHOTS

_LAST_NUMBER = re.compile(r"(?<![0-9])([0-9]{1,9})[^0-9]*$")


def number_in_name(path: str) -> int | None:
    """Return the last number in a file name: 001.jpg → 1, img_12.jpg → 12; None without one."""
    found = _LAST_NUMBER.search(PurePosixPath(path).stem)
    return int(found[1]) if found else None


def numbers_are_usable(numbers: Sequence[int | None]) -> bool:
    """Say whether the numbers in a class's file names can serve as shot numbers.

    They can when every name has one, no two are alike, and, in a class of 35 pictures or more,
    shots 31 to 35 are among them. Time stamps, for instance, are unique but hold no shot 31.
    """
    known = {number for number in numbers if number is not None}
    if len(known) < len(numbers):
        return False
    return len(numbers) < VALID_SHOTS.stop - 1 or known.issuperset(VALID_SHOTS)


def shots_of(paths: Sequence[str]) -> tuple[dict[str, int], bool]:
    """Number the pictures of one class, and say whether they had to be counted.

    Returns:
        Shot by path, and True where the names carry no usable numbers, so that the pictures
        were put in natural order and counted from 1.
    """
    numbers = {path: number_in_name(path) for path in paths}
    if numbers_are_usable(list(numbers.values())):
        return {path: number for path, number in numbers.items() if number is not None}, False
    ordered = sorted(paths, key=natural_key)
    return {path: place for place, path in enumerate(ordered, start=1)}, True


def number_items(
    archive: Archive, labels: Mapping[str, str]
) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """Make items of labelled files.

    Args:
        archive: Where the files lie.
        labels: Class by path in the archive.

    Returns:
        The items in order, and the classes whose shots had to be counted.
    """
    by_class: dict[str, list[str]] = {}
    for path, label in labels.items():
        by_class.setdefault(label, []).append(path)
    items: list[Item] = []
    counted: list[str] = []
    for label in sorted(by_class, key=natural_key):
        shots, had_to_count = shots_of(by_class[label])
        items += [Item(path, label, shot, archive.files[path]) for path, shot in shots.items()]
        counted += [label] if had_to_count else []
    return in_order(items), tuple(counted)
