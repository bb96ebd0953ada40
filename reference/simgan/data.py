"""Synthetic and real pictures as tensors: which train, which judge."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from torch import Tensor

from harness.errors import DataError
from harness.method import InputContract
from harness.progress import SILENT, Progress
from reference.domains import Domain, read_domains
from reference.simgan.eyes import Eyes, render
from reference.simgan.structure import EYE

if TYPE_CHECKING:
    from reference.simgan.settings import Settings

DOMAINS = ("synthetic", "real")
HELD_OUT = 200
# Seeds of the rendered sets: people that one set knows are in no other.
TRAIN_SEED, HELD_OUT_SEED, TEST_SEED = 1, 2, 3

Gaze = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Pictures:
    """Two domains ready for training.

    Attributes:
        synthetic: What is refined in training.
        real: What refined pictures should look like; no label of them is known.
        held_out: Synthetic pictures that no training saw.
        gaze: Directions of `synthetic`, float32 [N, 3]; None for a user's pictures.
        held_out_gaze: Directions of `held_out`.
    """

    synthetic: Domain
    real: Domain
    held_out: Domain
    gaze: Gaze | None = None
    held_out_gaze: Gaze | None = None

    def fingerprint(self) -> str:
        """Return a hash of all pictures."""
        sides = (self.synthetic, self.real, self.held_out)
        return hashlib.sha256("".join(side.fingerprint() for side in sides).encode()).hexdigest()


def contract() -> InputContract:
    """Return what the refiner eats: grey bytes that stand for −1 to 1, the range of its tanh."""
    return InputContract(shape=(1, *EYE), color="GRAY", range=(-1.0, 1.0))


def load_pictures(data: Path | None, settings: Settings, progress: Progress = SILENT) -> Pictures:
    """Render the eyes of the small experiment, or read a user's pictures.

    Args:
        data: Folder or zip with the folders `synthetic` and `real`; None for rendered eyes.
        settings: How many eyes are rendered.
        progress: Who hears of the decoding.

    Raises:
        DataError: A domain is empty, or a picture cannot be used.
    """
    if data is None:
        return rendered_pictures(settings.synthetic, settings.real)
    synthetic, real = read_domains(data, DOMAINS, contract(), progress)
    if set(map(bytes, synthetic.images)) & set(map(bytes, real.images)):
        raise DataError(
            f"{data} has the same picture in both domains",
            "keep rendered pictures in synthetic/ and photographs in real/",
        )
    train, held_out = synthetic.split()
    return Pictures(train, real, held_out)


def rendered_pictures(synthetic: int, real: int, held_out: int = HELD_OUT) -> Pictures:
    """Return eyes of the simulator, with their directions, and of the camera, without."""
    known = render(synthetic, TRAIN_SEED, "synthetic")
    judged = render(held_out, HELD_OUT_SEED, "synthetic")
    return Pictures(
        synthetic=as_domain(known, "synthetic"),
        real=as_domain(render(real, TRAIN_SEED, "camera"), "real"),
        held_out=as_domain(judged, "held_out"),
        gaze=known.gaze,
        held_out_gaze=judged.gaze,
    )


def labelled_photographs(count: int) -> Eyes:
    """Return labelled photographs, which judge gaze estimators and train nothing."""
    return render(count, TEST_SEED, "camera")


def as_domain(eyes: Eyes, name: str) -> Domain:
    """Return rendered eyes as a domain of numbered pictures."""
    return Domain(tuple(f"{name}/{number:05d}" for number in range(len(eyes))), eyes.images)


def as_floats(images: Tensor) -> Tensor:
    """Turn bytes into what the networks see: uint8 [N, C, H, W] → float32 in −1 to 1."""
    return images.float() * (2 / 255) - 1
