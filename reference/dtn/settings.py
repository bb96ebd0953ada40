"""Options of a training: names, defaults, limits, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from reference.dtn.structure import DIGITS, Structure
from reference.options import Options, between, one_of, option

# What is trained: all of DTN, DTN less a term, or the baseline that the note shows to fail.
FULL, NO_TID, NO_CONST, BASELINE = VARIANTS = ("full", "no_tid", "no_const", "baseline")


@dataclass(frozen=True)
class Weights:
    """Trade-off of L_G.

    Attributes:
        alpha: Of L_CONST.
        beta: Of L_TID.
        gamma: Of L_TV.
    """

    alpha: float
    beta: float
    gamma: float


# Published for faces; for digits what three re-implementations use.
FACE_WEIGHTS = Weights(alpha=100.0, beta=1.0, gamma=0.05)
DIGIT_WEIGHTS = Weights(alpha=15.0, beta=15.0, gamma=0.0)


@dataclass(frozen=True)
class Settings(Options):
    """How the networks are built and trained; the help of each option says what it is."""

    METHOD: ClassVar[str] = "dtn"

    width: float = option(0.125, between(1 / 32, 1), "width of f, g and D; 1 is the paper's")
    batch: int = option(32, between(2, 1024), "most pictures of each domain a step")
    lr: float = option(1e-3, between(1e-6, 1), "learning rate of g")
    d_lr: float = option(2e-4, between(1e-6, 1), "learning rate of D")
    d_noise: float = option(0.3, between(0, 2), "noise on what D sees, in units of −1 to 1")
    f_lr: float = option(4e-3, between(1e-6, 1), "highest learning rate of f and the judge")
    f_epochs: int = option(20, between(1, 1000), "passes over S in which f is pretrained")
    judge_epochs: int = option(40, between(1, 1000), "passes over T in which the judge is trained")
    alpha: float = option(DIGIT_WEIGHTS.alpha, between(0, 1e4), "weight of L_CONST")
    beta: float = option(DIGIT_WEIGHTS.beta, between(0, 1e4), "weight of L_TID")
    gamma: float = option(DIGIT_WEIGHTS.gamma, between(0, 1e4), "weight of L_TV")
    variant: str = option(FULL, one_of(*VARIANTS), "what is trained")

    @property
    def structure(self) -> Structure:
        """The networks' channels."""
        return DIGITS.scaled(self.width)

    @property
    def weights(self) -> Weights:
        """The weights of L_G's terms, zero where the variant leaves one out."""
        return Weights(
            alpha=0.0 if self.variant == NO_CONST else self.alpha,
            beta=0.0 if self.variant in (NO_TID, BASELINE) else self.beta,
            gamma=0.0 if self.variant == BASELINE else self.gamma,
        )
