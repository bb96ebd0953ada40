"""The rules of V-Training: how many classes and shots, and which shots are validation.

The camera client writes shots 31 to 35 of each class to the validation folder and all others to
the training folder; the service refuses classes with fewer than 35 shots. Its messages are kept
word for word, spelling included, so that a search for one finds what others wrote about it.
Source: m5stack/m5-docs, `docs/en/related_documents/v-training.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.errors import DataError

VALID_SHOTS = range(31, 36)
MINIMUM_SHOTS = 35
MINIMUM_CLASSES = 2
RECOMMENDED_CLASSES = 3
MAXIMUM_CLASSES = 10

TOO_FEW_CLASSES = "Number of Classes should larger or equal to two."


def check_class_count(classes: Sequence[str]) -> None:
    """Refuse fewer than 2 classes and more than 10.

    Raises:
        DataError: The count is out of bounds.
    """
    if len(classes) < MINIMUM_CLASSES:
        raise DataError(
            f"{TOO_FEW_CLASSES} Only this one was found: {', '.join(classes) or '(none)'}",
            "make one folder of photographs for each kind of thing to tell apart",
        )
    if len(classes) > MAXIMUM_CLASSES:
        raise DataError(
            f"{len(classes)} classes found, but there can be at most {MAXIMUM_CLASSES}",
            "remove or merge class folders",
        )


def class_warnings(classes: Sequence[str]) -> list[str]:
    """Return remarks about the class folders that do not stop the work."""
    warnings = []
    if len(classes) < RECOMMENDED_CLASSES:
        warnings.append(
            f"only {len(classes)} classes: V-Training recommends {RECOMMENDED_CLASSES} or more, "
            "one of them for 'nothing there'"
        )
    if all(name.isdecimal() for name in classes):
        missing = set(range(1, len(classes) + 1)) - {int(name) for name in classes}
        if missing:
            warnings.append(
                f"class folders are {', '.join(classes)}: the camera numbers them from 1 without "
                f"a gap, but {', '.join(map(str, sorted(missing)))} is not there"
            )
    return warnings


def check_shots(counts: Mapping[str, int], minimum: int) -> None:
    """Refuse classes with fewer than `minimum` shots.

    Raises:
        DataError: A class has too few; names every such class.
    """
    short = short_classes(counts, minimum)
    if short:
        raise DataError(short, "take more photographs of these classes, or remove them")


def short_classes(counts: Mapping[str, int], minimum: int) -> str:
    """Say which classes have fewer than `minimum` shots; empty where none has."""
    return "; ".join(
        f"class {label!r} has {count} shots, but {minimum} are needed"
        for label, count in counts.items()
        if count < minimum
    )
