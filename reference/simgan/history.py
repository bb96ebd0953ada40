"""What a training tells about itself: the mean of every loss term, a row for some steps."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ValidationError

from harness.errors import MethodError
from harness.files import write_text

FILE_NAME = "history.json"


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


class History(BaseModel):
    """All steps so far, and what the finished networks reach.

    Attributes:
        rows: In order.
        metrics: Of the finished networks.
    """

    rows: list[Row] = []
    metrics: dict[str, float] = {}

    def save(self, folder: Path) -> None:
        """Write `history.json`, whole or not at all."""
        write_text(folder / FILE_NAME, self.model_dump_json(indent=2) + "\n")


def load_history(folder: Path) -> History | None:
    """Return what a training wrote into a folder, or None where there was none.

    Raises:
        MethodError: The file is damaged.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    try:
        return History.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise MethodError(
            f"{path} is damaged: {error.errors()[0]['msg']}", "delete it; only curves are lost"
        ) from error
