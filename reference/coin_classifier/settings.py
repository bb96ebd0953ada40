"""Options of a training: names, defaults, limits, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from reference.coin_classifier.structure import SIZES, WIDTHS
from reference.options import Options, between, one_of, option


@dataclass(frozen=True)
class Settings(Options):
    """How the network is built and trained; the help of each option says what it is."""

    METHOD: ClassVar[str] = "coin_classifier"

    width: float = option(0.25, one_of(*WIDTHS), "width multiplier")
    size: int = option(128, one_of(*SIZES), "side of the input in pixels")
    batch: int = option(64, between(2, 1024), "most pictures a step")
    lr: float = option(0.02, between(1e-6, 1.0), "highest learning rate of the schedule")
    weight_decay: float = option(0.05, between(0, 1), "decay of weights, not of batch norm")
    dropout: float = option(0.1, between(0, 0.9), "share of pooled features dropped")
    smoothing: float = option(0.1, between(0, 0.9), "label smoothing")
    average: float = option(0.98, between(0, 0.9999), "decay of the running weight average")
    patience: int = option(
        0, between(0, 10_000), "stop after so many epochs without a lower validation loss; 0: off"
    )
