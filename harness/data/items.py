"""Labelled pictures and their partition into training and validation, before any decoding."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

NaturalKey = tuple[tuple[tuple[int, int, str], ...], str]


def natural_key(text: str) -> NaturalKey:
    """Return a sorting key under which "2" comes before "10"; a total order over strings."""
    parts = re.split(r"([0-9]+)", text.casefold())
    return tuple(_part_key(part) for part in parts if part), text


def _part_key(part: str) -> tuple[int, int, str]:
    if part[0] not in "0123456789":
        return (1, 0, part)
    # Compared as text of known length: Python refuses to turn thousands of digits into an int.
    digits = part.lstrip("0")
    return (0, len(digits), digits)


@dataclass(frozen=True)
class Item:
    """One picture of a data set.

    Attributes:
        id: Path below the data set's top, with forward slashes, unique in the set.
        label: Name of its class (the folder it lies in).
        shot: Number of the shot within its class: the one in the file name where the names of
            the class carry usable numbers, else its place in natural order, from 1; None for
            pictures that come from no camera.
        read: Returns the file's bytes.
    """

    id: str
    label: str
    shot: int | None
    read: Callable[[], bytes] = field(compare=False, repr=False)

    def sha256(self) -> str:
        """Return the hash of the file's bytes, in hex."""
        return hashlib.sha256(self.read()).hexdigest()


@dataclass(frozen=True)
class Split:
    """A partition of a data set; both sides are sorted by (class, shot, id).

    Attributes:
        train: Items to learn from.
        valid: Items to judge by.
        classes: Class names in natural order ("2" before "10"); an item's class index is the
            position of its label here.
        warnings: Remarks about the data that do not stop the work, one line each.
    """

    train: tuple[Item, ...]
    valid: tuple[Item, ...]
    classes: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    def index(self, item: Item) -> int:
        """Return the class index of an item."""
        return self.classes.index(item.label)


def in_order(items: Iterable[Item]) -> tuple[Item, ...]:
    """Return items sorted by (class, shot, id), whatever order they were listed in."""
    return tuple(sorted(items, key=_item_key))


def class_names(items: Iterable[Item]) -> tuple[str, ...]:
    """Return the labels that occur, in natural order."""
    return tuple(sorted({item.label for item in items}, key=natural_key))


def _item_key(item: Item) -> tuple[NaturalKey, int, NaturalKey]:
    return natural_key(item.label), item.shot or 0, natural_key(item.id)
