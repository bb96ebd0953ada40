"""What a training tells about itself: a row an epoch, and the scores of the finished weights."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ValidationError

from harness.errors import MethodError
from harness.files import write_text

FILE_NAME = "history.json"


class Score(BaseModel):
    """Loss and accuracy, as float32 holds them.

    Attributes:
        loss: Mean cross-entropy in nats.
        accuracy: Share of right answers.
    """

    loss: float
    accuracy: float


class Epoch(BaseModel):
    """One pass over the data.

    Attributes:
        train: Score on the augmented pictures, met while learning, against smoothed targets.
        valid: Score of the averaged weights on the validation pictures.
    """

    train: Score
    valid: Score


class History(BaseModel):
    """All epochs so far, and the final scores once the training is over.

    Attributes:
        width: Width multiplier of the network.
        epochs: One entry an epoch.
        final_train: Score of the finished weights on the training pictures as they are.
        final_valid: Score of the finished weights on the validation pictures.
    """

    width: float
    epochs: list[Epoch] = []
    final_train: Score | None = None
    final_valid: Score | None = None

    def since_best(self) -> int:
        """Return how many epochs ago the validation loss was lowest; 0 before the first."""
        losses = [epoch.valid.loss for epoch in self.epochs]
        return len(losses) - 1 - losses.index(min(losses)) if losses else 0

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
            f"{path} is damaged: {error.errors()[0]['msg']}",
            "delete it; only curves and mail table are lost",
        ) from error
