"""Options of a training: names, defaults, limits, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from reference.options import Options, between, one_of, option
from reference.stereonet.structure import CHANNELS, Structure

MULTI, SINGLE = REFINEMENTS = ("multi", "single")
DOTS, PHOTOGRAPHS = SCENES = ("dots", "photographs")


@dataclass(frozen=True)
class Settings(Options):
    """How the network is built and trained; the help of each option says what it is."""

    METHOD: ClassVar[str] = "stereonet"

    width: float = option(0.5, between(1 / 16, 2), "width of all networks; 1 is the paper's")
    levels: int = option(2, one_of(2, 3, 4), "K: the cost volume has 1/2^K of each side")
    refinement: str = option(MULTI, one_of(*REFINEMENTS), "one refiner a doubling, or one in all")
    disparities: int = option(32, one_of(16, 32, 48, 64), "disparities looked for, in pixels")
    scenes: str = option(DOTS, one_of(*SCENES), "what rendered pairs show, unless --data is given")
    pairs: int = option(1600, between(8, 100_000), "rendered pairs to learn from")
    batch: int = option(2, between(1, 64), "pairs a step")
    crop: int = option(2, one_of(1, 2, 3), "refiners learn from windows of 1/crop of each side")
    coarse_epochs: int = option(1, between(0, 1000), "first passes, without the refiners")
    lr: float = option(2e-3, between(1e-6, 1), "learning rate at the first step")
    decay: float = option(0.02, between(1e-4, 1), "learning rate at the last step, in parts of lr")
    average: float = option(0.998, between(0, 0.9999), "decay of the running weight average")

    @property
    def structure(self) -> Structure:
        """The networks' sizes."""
        return Structure(
            channels=max(1, round(CHANNELS * self.width)),
            levels=self.levels,
            refiners=self.levels if self.refinement == MULTI else 1,
            disparities=self.disparities,
        )
