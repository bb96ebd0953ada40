"""Labelled pictures and their partition into training and validation, before any decoding."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Item:
    """One picture of a data set.

    Attributes:
        id: Path below the data set's top, with forward slashes, unique in the set.
        label: Name of its class (the folder it lies in).
        shot: Number in its file name, as the camera counted; None where the name has none.
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
