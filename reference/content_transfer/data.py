"""Plain pictures and pictures with content as tensors: which train, which judge."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from torch import Tensor

from harness.errors import DataError
from harness.method import EvaluationSet, InputContract
from harness.progress import SILENT, Progress
from reference.content_transfer.faces import draw_glasses, draw_people, render
from reference.content_transfer.settings import Settings
from reference.domains import Domain, read_domains

if TYPE_CHECKING:
    from harness.method import Images

# A and B.
PLAIN, CONTENT = "plain", "content"
DOMAINS = (PLAIN, CONTENT)
HELD_OUT = 200
# Seeds of the rendered sets: a face of one set is in no other.
TRAIN_SEEDS, HELD_OUT_SEEDS = {PLAIN: 1, CONTENT: 2}, {PLAIN: 3, CONTENT: 4}


@dataclass(frozen=True)
class Truth:
    """What only a renderer knows of held-out pictures.

    Attributes:
        bare: Content pictures without their content, uint8 [N, 3, H, W].
        given: Plain pictures, each with the content of the picture of B at its place.
        other: The same, with the content of the next picture of B.
        swapped: Content pictures, each with the content of the next picture of B.
    """

    bare: Images
    given: Images
    other: Images
    swapped: Images


@dataclass(frozen=True)
class Pictures:
    """Two domains ready for training.

    Attributes:
        plain: A, to learn from.
        content: B, to learn from.
        held_plain: A, to judge by.
        held_content: B, to judge by.
        truth: Of the held-out pictures; None for a user's.
    """

    plain: Domain
    content: Domain
    held_plain: Domain
    held_content: Domain
    truth: Truth | None = None

    def fingerprint(self) -> str:
        """Return a hash of all pictures."""
        sides = (self.plain, self.content, self.held_plain, self.held_content)
        return hashlib.sha256("".join(side.fingerprint() for side in sides).encode()).hexdigest()


@dataclass(frozen=True)
class Pairs:
    """Targets and guides, as the deployed network eats them.

    Attributes:
        evaluation: Inputs uint8 [N, 3, 2 H, W], the target above the guide, by the target's name.
        bare: Each target as it is without content, by name; none for a user's.
        wanted: What the transfer should give, by name; none for a user's.
    """

    evaluation: EvaluationSet
    bare: dict[str, Images]
    wanted: dict[str, Images]


def contract(side: int) -> InputContract:
    """Return the contract of one picture: colour bytes that stand for -1 to 1."""
    return InputContract(shape=(3, side, side), range=(-1.0, 1.0))


def pair_contract(side: int) -> InputContract:
    """Return the contract of a target above a guide."""
    return InputContract(shape=(3, 2 * side, side), range=(-1.0, 1.0))


def load_pictures(data: Path | None, settings: Settings, progress: Progress = SILENT) -> Pictures:
    """Render the faces of the small experiment, or read a user's pictures.

    Args:
        data: Folder or zip with the folders `plain` and `content`; None for rendered faces.
        settings: Size of the pictures, and how many are rendered.
        progress: Who hears of the decoding.

    Raises:
        DataError: A domain is empty, or a picture cannot be used.
    """
    if data is None:
        return rendered_pictures(settings.faces, settings.side, HELD_OUT)
    plain, content = read_domains(data, DOMAINS, contract(settings.side), progress)
    if set(map(bytes, plain.images)) & set(map(bytes, content.images)):
        raise DataError(
            f"{data} has the same picture in both domains",
            "keep pictures without the content in plain/ and with it in content/",
        )
    (train_plain, held_plain), (train_content, held_content) = plain.split(), content.split()
    return Pictures(train_plain, train_content, held_plain, held_content)


def rendered_pictures(count: int, side: int, held_out: int) -> Pictures:
    """Return faces without glasses, other people's with glasses, and held-out ones of both."""
    held, truth = _held_out(held_out, side)
    return Pictures(
        _rendered(PLAIN, count, side, TRAIN_SEEDS),
        _rendered(CONTENT, count, side, TRAIN_SEEDS),
        *held,
        truth,
    )


def pairs(pictures: Pictures, count: int) -> Pairs:
    """Return held-out targets, of A and B in turn, each above a guide of B.

    A target of B has another picture of B as its guide, whose content replaces its own.

    Args:
        pictures: Both domains.
        count: Most pairs that are made; fewer where there are fewer pictures.
    """
    of_a, of_b = pictures.held_plain, pictures.held_content
    half = min(count // 2, len(of_a), len(of_b))
    following = np.roll(of_b.images, -1, axis=0)
    stacked = _in_turn(
        _above(of_a.images[:half], of_b.images[:half]),
        _above(of_b.images[:half], following[:half]),
    )
    ids = tuple(name for both in zip(of_a.ids, of_b.ids, strict=False) for name in both)[: 2 * half]
    evaluation = EvaluationSet(ids, stacked)
    if pictures.truth is None:
        return Pairs(evaluation, {}, {})
    truth = pictures.truth
    bare = _in_turn(of_a.images[:half], truth.bare[:half])
    wanted = _in_turn(truth.given[:half], truth.swapped[:half])
    return Pairs(
        evaluation,
        dict(zip(ids, bare, strict=True)),
        dict(zip(ids, wanted, strict=True)),
    )


def has_content(name: str) -> bool:
    """Return whether a picture is of B, by its name."""
    return name.startswith(f"{CONTENT}/")


def calibration_pairs(pictures: Pictures, count: int) -> Images:
    """Return pairs of pictures to learn from, targets of both domains in turn."""
    of_a, of_b = pictures.plain.images, pictures.content.images
    half = min(count // 2, len(of_a), len(of_b))
    guides = np.roll(of_b, -1, axis=0)[:half]
    return _in_turn(_above(of_a[:half], guides), _above(of_b[:half], guides))


def as_floats(images: Tensor) -> Tensor:
    """Turn bytes into what the networks see: uint8 [N, C, H, W] → float32 in -1 to 1."""
    return images.float() * (2 / 255) - 1


def _rendered(name: str, count: int, side: int, seeds: dict[str, int]) -> Domain:
    glasses = draw_glasses(count, seeds[name]) if name == CONTENT else None
    images = render(draw_people(count, seeds[name]), glasses, side)
    return Domain(tuple(f"{name}/{number:05d}" for number in range(count)), images)


def _held_out(count: int, side: int) -> tuple[tuple[Domain, Domain], Truth]:
    of_a, of_b = (draw_people(count, HELD_OUT_SEEDS[name]) for name in DOMAINS)
    glasses = draw_glasses(count, HELD_OUT_SEEDS[CONTENT])
    following = glasses.take(np.roll(np.arange(count), -1))
    truth = Truth(
        bare=render(of_b, None, side),
        given=render(of_a, glasses, side),
        other=render(of_a, following, side),
        swapped=render(of_b, following, side),
    )
    plain, content = (_rendered(name, count, side, HELD_OUT_SEEDS) for name in DOMAINS)
    return (plain, content), truth


def _above(upper: Images, lower: Images) -> Images:
    return np.concatenate([upper, lower], axis=2)


def _in_turn(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> Images:
    """Return the first of one, the first of the other, the second of one and so on."""
    return np.stack([one, other], axis=1).reshape(-1, *one.shape[1:])
