"""Options of a training: names, defaults, limits, and what they mean.

The defaults are those of the small experiment. The authors' code: side 128, width 1, sep 25,
confusion 0.001, batch 32, both learning rates 0.0002, 1,250,000 steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.errors import MethodError
from reference.content_transfer.structure import BY_SIDE, Structure
from reference.options import Options, between, one_of, option

# What is left out of the sum of losses, by variant.
LEFT_OUT = {
    "full": "",
    "no_confusion": "L_DC",
    "no_rec_a": "L_rec^A",
    "no_rec_b": "L_rec^B",
}


@dataclass(frozen=True)
class Settings(Options):
    """How the networks are built and trained; the help of each option says what it is."""

    METHOD: ClassVar[str] = "content_transfer"

    side: int = option(32, one_of(*BY_SIDE), "side of the pictures; 128 has the authors' networks")
    width: float = option(0.5, between(0.05, 4), "width multiplier; 1 is the authors'")
    sep: int = option(8, between(1, 512), "channels of E2's code; 25 in the authors' code")
    confusion: float = option(0.001, between(0, 1000), "λ, weight of the domain confusion loss")
    variant: str = option("full", one_of(*LEFT_OUT), "which loss is left out, to compare with")
    steps: int = option(1000, between(1, 10_000_000), "steps, each of encoders and decoder, then D")
    batch: int = option(16, between(2, 4096), "pictures a mini-batch, of each domain")
    lr: float = option(0.002, between(1e-7, 1), "learning rate of encoders and decoder")
    d_lr: float = option(0.002, between(1e-7, 1), "learning rate of the discriminator")
    faces: int = option(2000, between(64, 1_000_000), "rendered faces a domain")

    @property
    def structure(self) -> Structure:
        """The networks' channels.

        Raises:
            MethodError: E2's code leaves nothing to E1's.
        """
        try:
            return BY_SIDE[self.side].scaled(self.width, self.sep)
        except ValueError as error:
            raise MethodError(str(error), "give a smaller sep or a larger width") from error
