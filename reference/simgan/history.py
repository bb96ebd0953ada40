"""What a training tells about itself: the mean of every loss term, a row for some steps."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field

from reference.training.record import Record


class Row(BaseModel):
    """Some steps in a row.

    Attributes:
        step: Number of the last one, from 1, counted over all phases.
        phase: `refiner`, `discriminator` or `game`.
        terms: Mean of each loss term of the phase, and of the discriminator's accuracy.
    """

    step: int
    phase: str
    terms: dict[str, float]


class History(Record):
    """All steps so far, and what the finished networks reach.

    Attributes:
        rows: In order.
        metrics: Of the finished networks.
    """

    unit: ClassVar[str] = "step"

    rows: list[Row] = Field(default_factory=list)
    metrics: dict[str, float] = Field(default_factory=dict)

    @property
    def done(self) -> int:
        """How many steps lie behind."""
        return self.rows[-1].step if self.rows else 0
