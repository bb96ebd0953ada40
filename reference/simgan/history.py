"""What a training tells about itself: the mean of every loss term, a row for some steps."""

from __future__ import annotations

from reference.training.record import Rows, Stretch


class Row(Stretch):
    """Some steps in a row, counted over all phases.

    Attributes:
        phase: `refiner`, `discriminator` or `game`.
        terms: Mean of each loss term of the phase, and of the discriminator's accuracy.
    """

    phase: str
    terms: dict[str, float]


class History(Rows[Row]):
    """All steps so far, and what the finished networks reach."""
