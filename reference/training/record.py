"""What a training tells about itself, as `history.json` in its folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Generic, Self, TypeVar

from pydantic import BaseModel, Field, ValidationError

from harness.errors import MethodError
from harness.files import write_text

FILE_NAME = "history.json"


class Record(BaseModel):
    """Base of a method's history: its fields say what is kept.

    Attributes:
        unit: What is counted: epochs, or steps.
    """

    unit: ClassVar[str] = "epoch"

    @property
    def done(self) -> int:
        """How many epochs or steps lie behind."""
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """Write `history.json`, whole or not at all."""
        write_text(folder / FILE_NAME, self.model_dump_json(indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Return what a training wrote into a folder, or None where there was none.

        Raises:
            MethodError: The file is damaged.
        """
        path = folder / FILE_NAME
        if not path.is_file():
            return None
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise MethodError(
                f"{path} is damaged: {error.errors()[0]['msg']}",
                "delete it; only what is drawn from it is lost",
            ) from error


class Epochs(Record):
    """All epochs so far.

    Attributes:
        epochs: The mean of each loss term, an entry an epoch.
    """

    epochs: list[dict[str, float]] = Field(default_factory=list)

    @property
    def done(self) -> int:
        """How many epochs lie behind."""
        return len(self.epochs)


class Stretch(BaseModel):
    """Base of a row of steps.

    Attributes:
        step: Number of the last one, from 1.
    """

    step: int


StretchT = TypeVar("StretchT", bound=Stretch)


class Rows(Record, Generic[StretchT]):
    """All steps so far, and what the finished networks reach.

    Attributes:
        rows: In order.
        metrics: Of the finished networks.
    """

    unit: ClassVar[str] = "step"

    rows: list[StretchT] = Field(default_factory=list)
    metrics: dict[str, float] = Field(default_factory=dict)

    @property
    def done(self) -> int:
        """How many steps lie behind."""
        return self.rows[-1].step if self.rows else 0


def copy_history(training: Path, out: Path, what: str) -> dict[str, str]:
    """Copy the history where a training left one.

    Returns:
        What it is → file name below `out`, or nothing.
    """
    if not (training / FILE_NAME).is_file():
        return {}
    shutil.copyfile(training / FILE_NAME, out / FILE_NAME)
    return {what: FILE_NAME}


def told(terms: Mapping[str, float]) -> str:
    """Return loss terms as one line."""
    return ", ".join(f"{name} {value:.3g}" for name, value in terms.items())
