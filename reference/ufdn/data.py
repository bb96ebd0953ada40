"""Pictures of several domains: which are learnt from, which judge, and whose digits are known."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from harness.data.archive import PICTURE_SUFFIXES, has_suffix, open_archive
from harness.data.images import load_images
from harness.data.items import Item
from harness.errors import DataError
from harness.method import InputContract
from harness.progress import SILENT, Progress
from reference.dtn.data import Side, handwritten, pick, split
from reference.ufdn.looks import LOOKS, SIDE
from reference.ufdn.losses import UNLABELLED
from reference.ufdn.settings import ADAPTATION, Settings

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.method import Images

SOURCE = "source"
SAMPLE_CLASSES = tuple("0123456789")
# Looks of the small experiment: the first one's digits are known where digits are learnt.
ADAPTATION_LOOKS, IMAGE_LOOKS = ("scan", "sign"), ("scan", "sign", "sketch")
# Less cannot be normed.
FEWEST = 2


@dataclass(frozen=True)
class Domains:
    """All domains, ready for training.

    Attributes:
        names: One a domain; where digits are learnt, they are those of the first.
        train: What is learnt from, by domain: RGB.
        test: What judges, by domain.
        classes: Names of the classes, by label.
        fingerprint: Hash of all pictures, labels and sides.
    """

    names: tuple[str, ...]
    train: tuple[Side, ...]
    test: tuple[Side, ...]
    classes: tuple[str, ...]
    fingerprint: str

    def __len__(self) -> int:
        return len(self.names)


def contract(side: int = SIDE) -> InputContract:
    """Return what the networks eat: bytes that stand for −1 to 1."""
    return InputContract((3, side, side), "RGB", (-1.0, 1.0))


def load_domains(data: Path | None, settings: Settings, progress: Progress = SILENT) -> Domains:
    """Read the user's domains, or make those of the small experiment.

    Args:
        data: Folder or zip with a folder a domain. For the adaptation one is `source/`, with a
            folder a class; others may have such folders, and then they judge. None for
            handwriting in several looks.
        settings: Which form is trained, and how large pictures are.
        progress: Who hears of the decoding.

    Raises:
        DataError: A domain is missing or too small, classes do not fit, or a picture does not
            decode.
    """
    adapting = settings.form == ADAPTATION
    if data is None:
        if settings.side != SIDE:
            raise DataError(
                f"the pictures of the small experiment have {SIDE} pixels a side",
                f"leave out --set side={settings.side}, or give pictures with --data",
            )
        return sample_domains(ADAPTATION_LOOKS if adapting else IMAGE_LOOKS)
    items = _items(data, adapting)
    classes = _classes(items) if adapting else ()
    wanted = contract(settings.side)
    sides = [
        _split(_side(found, classes, wanted, progress), data / name)
        for name, found in items.items()
    ]
    trains, tests = zip(*sides, strict=True)
    return _domains(tuple(items), trains, tests, classes)


@cache
def sample_domains(looks: tuple[str, ...] = ADAPTATION_LOOKS) -> Domains:
    """Return handwriting in several looks.

    All digits are real: the 1797 of scikit-learn, which are the test set of E. Alpaydin and
    C. Kaynak, Optical Recognition of Handwritten Digits, https://doi.org/10.24432/C50P49. Each has
    one look only: there are no pairs.
    """
    sides = [
        tuple(_with_look(half, look) for half in split(part))
        for look, part in zip(looks, shares(handwritten(), len(looks)), strict=True)
    ]
    trains, tests = zip(*sides, strict=True)
    return _domains(looks, trains, tests, SAMPLE_CLASSES)


def shares(side: Side, count: int) -> list[Side]:
    """Return a side in parts of about the same size; equal pictures are in one."""
    parts = []
    for number in range(count, 1, -1):
        side, part = split(side, 1 / number)
        parts.append(part)
    return [*parts, side]


def check_images(images: Images, side: int, name: str) -> None:
    """Make sure that an array can be a domain.

    Raises:
        DataError: Its type, its mode (number of channels) or its size is another.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (3, side, side):
        raise DataError(
            f"{name} is {images.dtype} {list(images.shape)}, but UFDN takes uint8 "
            f"[N, 3, {side}, {side}]",
            "give bytes from 0 to 255, in NCHW order and of this size",
        )


def labels_of(side: Side) -> npt.NDArray[np.int64]:
    """Return a side's labels, `UNLABELLED` throughout where it has none: int64 [N]."""
    return np.full(len(side), UNLABELLED, np.int64) if side.labels is None else side.labels


def first(side: Side, count: int) -> Side:
    """Return the first pictures of a side."""
    return pick(side, np.arange(min(count, len(side))))


def join(sides: Sequence[Side]) -> tuple[tuple[str, ...], Images, npt.NDArray[np.int64] | None]:
    """Return names, pictures and labels of several sides, the latter only if all have them."""
    ids = tuple(name for side in sides for name in side.ids)
    known = all(side.labels is not None for side in sides)
    labels = np.concatenate([labels_of(side) for side in sides]) if known else None
    return ids, np.concatenate([side.images for side in sides]), labels


def check_known(names: tuple[str, ...], classes: tuple[str, ...], found: Domains) -> None:
    """Make sure that data are of the domains and classes of a checkpoint.

    Raises:
        DataError: They are not.
    """
    if len(names) != len(found):
        raise DataError(
            f"the checkpoint knows the domains {', '.join(names)}, the data have "
            f"{', '.join(found.names)}",
            "give as many domains, or train without a checkpoint",
        )
    if classes and found.classes != classes:
        raise DataError(
            f"the checkpoint knows the classes {', '.join(classes)}, the data have "
            f"{', '.join(found.classes)}",
            "name the folders alike, or train without a checkpoint",
        )


def grey(side: Side) -> bool:
    """Return whether no picture has a colour."""
    images = side.images
    return bool((images == images[:, :1]).all())


def _with_look(side: Side, look: str) -> Side:
    ids = tuple(f"{look}/{name}" for name in side.ids)
    return Side(ids, LOOKS[look](side.images[:, 0]), side.labels)


def _items(data: Path, adapting: bool) -> dict[str, list[Item]]:
    """Return the pictures by domain, the source first."""
    found: dict[str, list[Item]] = {}
    for name, read in open_archive(data).files.items():
        parts = PurePosixPath(name).parts
        if len(parts) > 1 and has_suffix(name, PICTURE_SUFFIXES):
            label = parts[1] if len(parts) > 2 else ""
            found.setdefault(parts[0], []).append(Item(name, label, None, read))
    if adapting and SOURCE not in found:
        raise DataError(
            f"{data} holds no pictures of the domain {SOURCE}",
            f"put pictures below {SOURCE}/, in a folder a class, or add --set form=images",
        )
    if len(found) < 2:
        known = next(iter(found), "any domain")
        raise DataError(
            f"{data} holds no pictures but those of {known}",
            "put the pictures of each domain into a folder of its own, two folders at least",
        )
    order = sorted(found, key=lambda name: (adapting and name != SOURCE, name))
    return {name: found[name] for name in order}


def _classes(items: dict[str, list[Item]]) -> tuple[str, ...]:
    """Return the classes of the source; other domains have those, or none."""
    for name, found in items.items():
        bare = [item.id for item in found if not item.label]
        if bare and (name == SOURCE or len(bare) < len(found)):
            raise DataError(
                f"{bare[0]} lies in no class folder",
                f"give every picture of {name}/ a class folder"
                + ("" if name == SOURCE else ", or none of them"),
            )
    classes = tuple(sorted({item.label for item in items[SOURCE]}))
    strange = sorted({item.label for found in items.values() for item in found} - {"", *classes})
    if strange:
        raise DataError(
            f"the class {strange[0]} is in another domain, but not in {SOURCE}/",
            f"name the folders as those of {SOURCE}/, or put the pictures in none",
        )
    if len(classes) < 2:
        raise DataError(f"{SOURCE}/ has one class only, {classes[0]}", "give two at least")
    return classes


def _side(
    found: list[Item], classes: tuple[str, ...], wanted: InputContract, progress: Progress
) -> Side:
    labels = None
    if classes and found[0].label:
        labels = np.array([classes.index(item.label) for item in found], np.int64)
    return Side(tuple(item.id for item in found), load_images(found, wanted, progress), labels)


def _split(side: Side, where: Path) -> tuple[Side, Side]:
    train, test = split(side)
    if len(train) < FEWEST:
        raise DataError(
            f"{where} holds {len(side)} pictures, of which {len(train)} are left to learn from",
            f"give at least {FEWEST + 1} different ones: a batch of one cannot be normed",
        )
    return train, test


def _domains(
    names: tuple[str, ...],
    trains: tuple[Side, ...],
    tests: tuple[Side, ...],
    classes: tuple[str, ...],
) -> Domains:
    digest = hashlib.sha256("\0".join(names).encode())
    for side in (*trains, *tests):
        digest.update(side.images.tobytes() + labels_of(side).tobytes() + b"\0")
    return Domains(names, trains, tests, classes, digest.hexdigest())
