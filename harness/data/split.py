"""Partitions of a data set: the camera's rule, and cross-validation folds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from harness.data.items import Item, Split, class_names, in_order
from harness.data.rules import VALID_SHOTS
from harness.errors import DataError


def split_by_shot(items: Iterable[Item], warnings: tuple[str, ...] = ()) -> Split:
    """Split as the camera client does: shots 31 to 35 of each class are validation.

    Raises:
        DataError: A class would have nothing to train on, or nothing to validate with.
    """
    items = in_order(items)
    return make_split(
        train=[item for item in items if item.shot not in VALID_SHOTS],
        valid=[item for item in items if item.shot in VALID_SHOTS],
        warnings=warnings,
    )


def make_split(
    train: Sequence[Item], valid: Sequence[Item], warnings: tuple[str, ...] = ()
) -> Split:
    """Put two sides in order, and see that each class is on both.

    Raises:
        DataError: A class is on one side only.
    """
    split = Split(in_order(train), in_order(valid), class_names([*train, *valid]), warnings)
    for side, items in (("training", split.train), ("validation", split.valid)):
        missing = set(split.classes) - {item.label for item in items}
        if missing:
            raise DataError(
                f"class {min(missing)!r} has no picture on the {side} side",
                "shots 31 to 35 are validation, the others training: take 35 shots or more",
            )
    return split


def folds(items: Sequence[Item], count: int, seed: int = 0) -> list[Split]:
    """Make cross-validation folds, each class spread evenly over them.

    Every item is in exactly one validation side. Which one depends on its id, on `seed` and on
    the set, never on the order of `items` nor on a random generator's version: within a class
    items are ordered by a hash and dealt out in turn, going on from class to class where the
    last one stopped, so that sides differ by one item at most.

    Raises:
        DataError: There are fewer than 2 folds, or a class has fewer items than folds.
    """
    _check_fold_count(items, count)
    dealt = [item for label in class_names(items) for item in _shuffled(items, label, seed)]
    return [
        make_split(
            train=[item for place, item in enumerate(dealt) if place % count != index],
            valid=dealt[index::count],
        )
        for index in range(count)
    ]


def _shuffled(items: Sequence[Item], label: str, seed: int) -> list[Item]:
    return sorted(
        (item for item in items if item.label == label),
        key=lambda item: hashlib.sha256(f"{seed}/{item.id}".encode()).digest(),
    )


def _check_fold_count(items: Sequence[Item], count: int) -> None:
    smallest = min((sum(i.label == name for i in items) for name in class_names(items)), default=0)
    if not 2 <= count <= smallest:
        raise DataError(
            f"{count} folds cannot be made: the smallest class has {smallest} pictures",
            f"choose 2 to {smallest} folds" if smallest >= 2 else "take more photographs",
        )
