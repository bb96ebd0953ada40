"""The state of a fine-tuning on disk, so that it goes on where it was interrupted."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.errors import MethodError
from harness.files import write_bytes
from harness.finetune.trainer import Epoch, Score

STATE_FILE = "state.pt"


@dataclass
class Course:
    """What has happened so far.

    Attributes:
        start: Score of the model as it was compiled, on the items kept back.
        balanced: Score with balanced channels, where that is better; then the training began there.
        epochs: One entry a pass.
        best: Number of passes behind the best score; 0 is where the training began.
        weights: The parameters at that point; None for the compiled model's.
    """

    start: Score
    balanced: Score | None = None
    epochs: list[Epoch] = field(default_factory=list)
    best: int = 0
    weights: dict[str, Tensor] | None = None

    @property
    def best_score(self) -> Score:
        """The best score on the items kept back."""
        if self.best:
            return self.epochs[self.best - 1].kept_back
        return self.balanced or self.start

    @property
    def better(self) -> bool:
        """Whether anything was better than the compiled model."""
        return self.best > 0 or self.balanced is not None

    @property
    def helped(self) -> tuple[str, ...]:
        """What made it better: "balancing", "training", both or nothing."""
        steps = {"balancing": self.balanced is not None, "training": self.best > 0}
        return tuple(step for step, helps in steps.items() if helps)

    def add(self, epoch: Epoch, weights: dict[str, Tensor]) -> None:
        """Note a pass, and keep its weights if none was better."""
        self.epochs.append(epoch)
        if epoch.kept_back.loss < self.best_score.loss:
            self.best, self.weights = len(self.epochs), weights


@dataclass(frozen=True)
class StateFile:
    """One file in one folder.

    Attributes:
        path: The file.
        identity: What makes one fine-tuning differ from another, as JSON values.
    """

    path: Path
    identity: dict[str, Any]

    def write(self, course: Course, trainer: dict[str, Any]) -> None:
        """Write the state behind a pass, whole or not at all."""
        words = {
            "start": asdict(course.start),
            "balanced": asdict(course.balanced) if course.balanced else None,
            "epochs": [asdict(one) for one in course.epochs],
        }
        state = {
            "identity": json.dumps(self.identity),
            "course": json.dumps(words),
            "best": course.best,
            "weights": course.weights,
            "trainer": trainer,
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_bytes(self.path, buffer.getvalue())

    def read(self, device: str) -> tuple[Course, dict[str, Any]] | None:
        """Return the state that was written, or None.

        Raises:
            MethodError: The file is damaged, or belongs to another fine-tuning.
        """
        if not self.path.is_file():
            return None
        try:
            state = torch.load(self.path, map_location=device, weights_only=True)
            identity, words = json.loads(state["identity"]), json.loads(state["course"])
        except Exception as error:  # torch raises nearly every type there is on damaged bytes
            raise MethodError(
                f"{self.path} is damaged: {error}", "delete it to train afresh"
            ) from error
        self._check(identity)
        epochs = [_epoch(one) for one in words["epochs"]]
        balanced = Score(**words["balanced"]) if words.get("balanced") else None
        start = Score(**words["start"])
        course = Course(start, balanced, epochs, state["best"], state["weights"])
        return course, state["trainer"]

    def _check(self, identity: dict[str, Any]) -> None:
        different = sorted(n for n in self.identity if identity.get(n) != self.identity[n])
        if different:
            raise MethodError(
                f"{self.path.parent} holds another fine-tuning: {', '.join(different)} differ",
                "give another folder with --out, or delete this one",
            )


def _epoch(words: dict[str, Any]) -> Epoch:
    return Epoch(words["loss"], Score(**words["kept_back"]))
