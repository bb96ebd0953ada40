"""What a training tells about itself: a row an epoch, and the scores of the finished weights."""

from __future__ import annotations

from pydantic import BaseModel, Field

from reference.training.record import Record


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


class History(Record):
    """All epochs so far, and the final scores once the training is over.

    Attributes:
        width: Width multiplier of the network.
        epochs: One entry an epoch.
        final_train: Score of the finished weights on the training pictures as they are.
        final_valid: Score of the finished weights on the validation pictures.
    """

    width: float
    epochs: list[Epoch] = Field(default_factory=list)
    final_train: Score | None = None
    final_valid: Score | None = None

    @property
    def done(self) -> int:
        """How many epochs lie behind."""
        return len(self.epochs)

    def since_best(self) -> int:
        """Return how many epochs ago the validation loss was lowest; 0 before the first."""
        losses = [epoch.valid.loss for epoch in self.epochs]
        return len(losses) - 1 - losses.index(min(losses)) if losses else 0
