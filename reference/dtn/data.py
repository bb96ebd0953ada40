"""The two domains: labelled pictures of S, pictures of T, and which of them only judge."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from harness.data.archive import PICTURE_SUFFIXES, has_suffix, open_archive
from harness.data.images import load_images
from harness.data.items import Item
from harness.errors import DataError
from harness.method import EvaluationSet, InputContract
from harness.progress import SILENT, Progress
from reference.dtn.house_numbers import CLASSES, house_numbers

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.method import Images

SIDE = 32
SOURCE, TARGET = "source", "target"
# Of the small experiment: pictures of S, and the random series that they come from.
TRAIN_COUNT, TEST_COUNT = 4000, 1000
TRAIN_SERIES, TEST_SERIES = 1, 2
TEST_SHARE = 0.2
# Of the handwritten digits of the experiment: so many are on the walls of S.
WALL_SHARE = 0.45
# Nobody counts what is in a heap without labels: these digits are ten times rarer in T than in S.
RARE = (5, 6, 7, 8, 9)
RARE_SHARE = 0.1
# Batch norm needs two values to norm.
FEWEST = 2
# scikit-learn's digits have grey levels 0 to 16.
_LEVELS = 16


@dataclass(frozen=True)
class Side:
    """Pictures of one domain on one side of the split.

    Attributes:
        ids: One name a picture.
        images: uint8 [N, C, 32, 32]: RGB for S, grey for T.
        labels: int64 [N]; None where they are unknown.
    """

    ids: tuple[str, ...]
    images: Images
    labels: npt.NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.ids)

    def evaluation(self, classes: tuple[str, ...]) -> EvaluationSet:
        """Return these pictures as backends are compared on them."""
        return EvaluationSet(self.ids, self.images, self.labels, classes)


@dataclass(frozen=True)
class Domains:
    """Both domains, ready for training.

    Attributes:
        source: S to learn from.
        source_test: S to judge by.
        target: T to learn from; g looks at no label.
        target_test: T that the judge is judged by.
        judge_target: T that the judge learns from, if it has labels; of the user's, `target`.
        classes: Names of the classes, by label.
        fingerprint: Hash of all pictures, labels and sides.
    """

    source: Side
    source_test: Side
    target: Side
    target_test: Side
    judge_target: Side
    classes: tuple[str, ...]
    fingerprint: str


def contract(channels: int = 3) -> InputContract:
    """Return what the networks eat: bytes that stand for −1 to 1."""
    return InputContract((channels, SIDE, SIDE), "RGB" if channels == 3 else "GRAY", (-1.0, 1.0))


def load_domains(data: Path | None, progress: Progress = SILENT) -> Domains:
    """Read the user's domains, or make those of the small experiment.

    Args:
        data: Folder or zip with `source/` and `target/`, each with a folder a class or, where
            labels are unknown, with pictures; None for house numbers and handwritten digits.
        progress: Who hears of the decoding.

    Raises:
        DataError: A domain is missing or too small, or a picture does not decode.
    """
    if data is None:
        return sample_domains()
    items = _items(data)
    classes = _classes(items)
    sides = {
        domain: _split(_side(found, classes, domain, progress), data / domain)
        for domain, found in items.items()
    }
    return _domains(*sides[SOURCE], *sides[TARGET], sides[TARGET][0], classes)


@cache
def sample_domains(train: int = TRAIN_COUNT, test: int = TEST_COUNT) -> Domains:
    """Return so many house numbers for S, and handwritten digits for T.

    All digits are real: the 1797 of scikit-learn, which are the test set of E. Alpaydin and
    C. Kaynak, Optical Recognition of Handwritten Digits, https://doi.org/10.24432/C50P49. Each is
    on one of four sides only: those on the walls of S are never in T. Half of the classes are rare
    in T, where g learns: a G that only looks like T would show too few of them. The judge learns
    from all.
    """
    own, walls = split(handwritten(), WALL_SHARE)
    on_walls, on_test_walls = split(walls)
    source = _on_walls(on_walls, train, TRAIN_SERIES)
    source_test = _on_walls(on_test_walls, test, TEST_SERIES)
    target, target_test = map(_enlarged, split(own))
    return _domains(source, source_test, _with_rare(target), target_test, target, CLASSES)


@cache
def handwritten() -> Side:
    """Return all of scikit-learn's digits, uint8 [1797, 1, 8, 8], white on black."""
    from sklearn.datasets import load_digits

    digits, labels = load_digits(return_X_y=True)
    images = np.round(digits * (255 / _LEVELS)).astype(np.uint8).reshape(-1, 1, 8, 8)
    ids = tuple(f"digit{index:04d}" for index in range(len(images)))
    return Side(ids, images, labels.astype(np.int64))


def split(side: Side, share: float = TEST_SHARE) -> tuple[Side, Side]:
    """Return pictures to learn from and, about a share of all, pictures to judge by.

    Equal pictures lie on one side, and neither names nor order matter: pictures are ordered by
    the hash of their bytes and of the share, and the first of the different ones judge.
    """
    salt = f"{share:g}".encode()
    digests = [hashlib.sha256(salt + image.tobytes()).hexdigest() for image in side.images]
    different = sorted(set(digests))
    judging = set(different[: max(1, round(share * len(different)))])
    judges = np.array([digest in judging for digest in digests], bool)
    return pick(side, np.flatnonzero(~judges)), pick(side, np.flatnonzero(judges))


def pick(side: Side, places: npt.NDArray[np.intp]) -> Side:
    """Return some of a side's pictures, in the order of `places`."""
    labels = None if side.labels is None else side.labels[places]
    return Side(tuple(side.ids[place] for place in places), side.images[places], labels)


def check_images(images: Images, channels: int, name: str) -> None:
    """Make sure that an array can be a domain.

    Raises:
        DataError: Its type, its mode (number of channels) or its size is another.
    """
    wanted = (channels, SIDE, SIDE)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != wanted:
        raise DataError(
            f"{name} is {images.dtype} {list(images.shape)}, but DTN takes uint8 "
            f"[N, {', '.join(map(str, wanted))}]",
            "give bytes from 0 to 255, in NCHW order and of this size",
        )


def _on_walls(digits: Side, count: int, series: int) -> Side:
    assert digits.labels is not None
    images, labels = house_numbers(digits.images[:, 0], digits.labels, count, series)
    return Side(tuple(f"house{series}-{index:05d}" for index in range(count)), images, labels)


def _with_rare(side: Side) -> Side:
    """Return a labelled side with a share only of the digits that are to be rare."""
    assert side.labels is not None
    kept = ~np.isin(side.labels, RARE)
    for digit in RARE:
        of_digit = pick(side, np.flatnonzero(side.labels == digit))
        kept |= np.isin(side.ids, split(of_digit, RARE_SHARE)[1].ids)
    return pick(side, np.flatnonzero(kept))


def _enlarged(digits: Side) -> Side:
    images = [
        np.asarray(Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BILINEAR))
        for one in digits.images[:, 0]
    ]
    return Side(digits.ids, np.stack(images)[:, None], digits.labels)


def _items(data: Path) -> dict[str, list[Item]]:
    archive = open_archive(data)
    items: dict[str, list[Item]] = {SOURCE: [], TARGET: []}
    for name, read in archive.files.items():
        parts = PurePosixPath(name).parts
        domain = next((part for part in parts[:-1] if part.lower() in items), None)
        if domain is None or not has_suffix(name, PICTURE_SUFFIXES):
            continue
        below = parts[parts.index(domain) + 1 : -1]
        items[domain.lower()].append(Item(name, below[0] if below else "", None, read))
    for domain, found in items.items():
        if not found:
            raise DataError(
                f"{data} holds no pictures of the domain {domain}",
                f"put pictures below {domain}/, best in a folder a class",
            )
    return items


def _classes(items: dict[str, list[Item]]) -> tuple[str, ...]:
    named = {item.label for item in items[SOURCE] if item.label}
    strange = sorted({item.label for item in items[TARGET] if item.label} - named)
    if strange and named:
        raise DataError(
            f"{TARGET}/{strange[0]} is a class that {SOURCE}/ does not have",
            f"name the folders of {TARGET}/ as those of {SOURCE}/, or put its pictures in none",
        )
    return tuple(sorted(named))


def _side(found: list[Item], classes: tuple[str, ...], domain: str, progress: Progress) -> Side:
    unlabelled = [item for item in found if not item.label]
    if unlabelled and len(unlabelled) < len(found):
        raise DataError(
            f"{unlabelled[0].id} lies in no class folder, though others of its domain do",
            "give every picture of a domain a class folder, or none",
        )
    images = load_images(found, contract(3 if domain == SOURCE else 1), progress)
    labels = None
    if not unlabelled and classes:
        labels = np.array([classes.index(item.label) for item in found], np.int64)
    return Side(tuple(item.id for item in found), images, labels)


def _split(side: Side, where: Path) -> tuple[Side, Side]:
    train, test = split(side)
    if len(train) < FEWEST:
        raise DataError(
            f"{where} holds {len(side)} pictures, of which {len(train)} are left to learn from",
            f"give at least {FEWEST + 1} different ones: a batch of one cannot be normed",
        )
    return train, test


def _domains(
    source: Side,
    source_test: Side,
    target: Side,
    target_test: Side,
    judge_target: Side,
    classes: tuple[str, ...],
) -> Domains:
    sides = source, source_test, target, target_test, judge_target
    digest = hashlib.sha256()
    for side in sides:
        digest.update(side.images.tobytes())
        digest.update(b"" if side.labels is None else side.labels.tobytes())
        digest.update(b"\0")
    return Domains(*sides, classes, digest.hexdigest())
