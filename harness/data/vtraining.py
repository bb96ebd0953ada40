"""What the M5StickV camera client writes: `train/<class>/…` and `valid/<class>/…`.

`vaild/`, the client's own spelling, is as good as `valid/`. Where the V-Training service has a
message for a fault it is given word for word, followed by what it means. Sources:
m5stack/m5-docs, `docs/en/related_documents/v-training.md`; the numbers behind "Lake of Enough"
(30 and 5 pictures a class) are in mails that users of the service published.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.data.archive import Archive, has_suffix, listed
from harness.data.items import Item, natural_key
from harness.data.numbering import number_items
from harness.data.rules import (
    MINIMUM_SHOTS,
    VALID_SHOTS,
    check_class_count,
    class_warnings,
    short_classes,
)
from harness.errors import DataError

TRAIN_NAMES = ("train",)
VALID_NAMES = ("valid", "vaild")
SUFFIXES = (".jpg",)

FOLDER_NOT_FOUND = "Train or Valid folder not found"
CLASSES_NOT_EQUAL = "Number of Classes presented in Train and Vaild dataset is not equal."


@dataclass(frozen=True)
class CameraSet:
    """A validated set of the camera client.

    Attributes:
        train: Items of the training folder, in order.
        valid: Items of the validation folder, in order.
        warnings: Remarks that do not stop the work.
    """

    train: tuple[Item, ...]
    valid: tuple[Item, ...]
    warnings: tuple[str, ...]


def has_sides(archive: Archive) -> bool:
    """Say whether a train or valid folder lies at the top."""
    return any(_is_side(path) for path in archive.files)


def read_camera_set(archive: Archive, minimum_shots: int = MINIMUM_SHOTS) -> CameraSet:
    """Read and validate what the camera client wrote.

    Raises:
        DataError: A rule of V-Training is broken. Whether the pictures decode is not looked at.
    """
    sides = {"train": _side(archive, TRAIN_NAMES), "valid": _side(archive, VALID_NAMES)}
    classes = _common_classes(sides["train"], sides["valid"])
    check_class_count(classes)
    labels = {**sides["train"], **sides["valid"]}
    pictures = {path: label for path, label in labels.items() if has_suffix(path, SUFFIXES)}
    others = [path for path in archive.files if _is_side(path) and path not in pictures]
    counts = {
        name: Counter(label for path, label in side.items() if path in pictures)
        for name, side in sides.items()
    }
    _check_counts(classes, counts["train"], counts["valid"], minimum_shots, others)
    items, _ = number_items(archive, pictures)
    return CameraSet(
        train=tuple(item for item in items if item.id in sides["train"]),
        valid=tuple(item for item in items if item.id in sides["valid"]),
        warnings=(*class_warnings(classes), *_left_out(others)),
    )


def _is_side(path: str, names: Iterable[str] = (*TRAIN_NAMES, *VALID_NAMES)) -> bool:
    return "/" in path and _top(path).lower() in names


def _top(path: str) -> str:
    return path.split("/", 1)[0]


def _side(archive: Archive, names: Iterable[str]) -> dict[str, str]:
    """Return the class by path of all files in class folders below one of the names."""
    files = [path for path in archive.files if _is_side(path, names)]
    tops = sorted({_top(path) for path in files})
    if not tops:
        raise DataError(
            f"{FOLDER_NOT_FOUND}: {archive.path} has no {' or '.join(names)} folder at its top",
            "put the train and the valid folder that the camera wrote side by side; make sure "
            f"that each class has {MINIMUM_SHOTS} shots",
        )
    if len(tops) > 1:
        raise DataError(
            f"{archive.path} has both {' and '.join(tops)}", "move their pictures into one of them"
        )
    return {path: path.split("/")[1] for path in files if path.count("/") > 1}


def _common_classes(train: Mapping[str, str], valid: Mapping[str, str]) -> list[str]:
    labels = {"train": set(train.values()), "valid": set(valid.values())}
    if labels["train"] == labels["valid"]:
        return sorted(labels["train"], key=natural_key)
    alone = [
        f"{listed(labels[side] - labels[other])} only in {side}"
        for side, other in (("train", "valid"), ("valid", "train"))
        if labels[side] - labels[other]
    ]
    counts_differ = len(labels["train"]) != len(labels["valid"])
    service = f"{CLASSES_NOT_EQUAL} " if counts_differ else ""
    raise DataError(
        f"{service}Class folders differ: {'; '.join(alone)}",
        "give train and valid the same class folders",
    )


def _check_counts(
    classes: Iterable[str],
    train: Mapping[str, int],
    valid: Mapping[str, int],
    minimum: int,
    others: list[str],
) -> None:
    totals = {label: train.get(label, 0) + valid.get(label, 0) for label in classes}
    found = (sum(train.values()), sum(valid.values()))
    complaints = [
        _service_complaint(found, len(totals), minimum),
        short_classes(totals, minimum),
        _empty_side(classes, train, valid),
    ]
    if any(complaints):
        hint = f" ({_left_out(others)[0]})" if others else ""
        raise DataError(
            "; ".join(complaint for complaint in complaints if complaint) + hint,
            f"photograph each class at least {minimum} times, or delete its folder from train "
            "and valid",
        )


def _service_complaint(found: tuple[int, int], classes: int, minimum: int) -> str:
    # The service's 30 + 5 of 35, in the same proportion where another minimum is asked for.
    valid_share = -(-minimum * len(VALID_SHOTS) // MINIMUM_SHOTS)
    needed = ((minimum - valid_share) * classes, valid_share * classes)
    for side, have, need in zip(("Train", "Valid"), found, needed, strict=True):
        if have < need:
            return (
                f"Lake of Enough {side} Dataset, Only {have} pictures found, "
                f"but you need {need} in total"
            )
    return ""


def _empty_side(classes: Iterable[str], train: Mapping[str, int], valid: Mapping[str, int]) -> str:
    empty = [
        f"{side}/{label}"
        for side, counts in (("train", train), ("valid", valid))
        for label in classes
        if not counts.get(label)
    ]
    return f"no picture in {listed(empty)}" if empty else ""


def _left_out(others: list[str]) -> list[str]:
    if not others:
        return []
    return [f"left out, as V-Training takes only .jpg files in class folders: {listed(others)}"]
