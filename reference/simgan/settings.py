"""Options of a training: names, defaults, limits, and what they mean.

The defaults are those of the small experiment. The paper's: width 1, batch 512, learning rate
0.001, SGD, 1000 and 200 steps before the game, K_g = 2, K_d = 1. How its λ is scaled could not be
confirmed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from reference.options import Options, between, one_of, option
from reference.simgan.structure import TRANSFORM_NAMES


@dataclass(frozen=True)
class Settings(Options):
    """How the networks are built and trained; the help of each option says what it is."""

    METHOD: ClassVar[str] = "simgan"

    width: float = option(0.25, between(0.02, 4), "width multiplier; 1 is the paper's")
    blocks: int = option(4, between(1, 16), "residual blocks of the refiner")
    steps: int = option(300, between(1, 1_000_000), "T, steps of Algorithm 1")
    batch: int = option(32, between(2, 4096), "b, pictures a mini-batch")
    kg: int = option(2, between(1, 100), "K_g, refiner updates a step")
    kd: int = option(1, between(1, 100), "K_d, discriminator updates a step")
    refiner_steps: int = option(100, between(0, 100_000), "steps of the refiner alone, before")
    discriminator_steps: int = option(
        50, between(0, 100_000), "steps of the discriminator alone, before"
    )
    weight: float = option(0.05, between(0, 1000), "λ, weight of the self-regularisation")
    transform: str = option("identity", one_of(*TRANSFORM_NAMES), "ψ of the self-regularisation")
    history: int = option(1024, between(0, 1_000_000), "pictures in the history; 0: no history")
    optimizer: str = option("adam", one_of("adam", "sgd"), "sgd is the paper's")
    lr: float = option(0.0005, between(1e-7, 1), "learning rate of refiner and discriminator")
    synthetic: int = option(2000, between(64, 1_000_000), "rendered eyes to refine")
    real: int = option(2000, between(64, 1_000_000), "rendered photographs, without labels")
    estimator_steps: int = option(1600, between(0, 100_000), "steps of the gaze estimator")
    hidden: int = option(32, between(1, 10_000), "hidden features of the gaze estimator")
