"""The folder of a training: what it is taken up from after a cut, and whether it is finished."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch

from harness.errors import MethodError
from harness.files import write_bytes
from harness.method import TrainJob
from reference import weights_file
from reference.options import Options
from reference.training.record import Record

STATE_NAME = "state.pt"
# What is left of a training that diverged.
LAST_GOOD_NAME = "last_good.safetensors"


class Saveable(Protocol):
    """A method's checkpoint."""

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""


class TrainingFolder:
    """A job's folder, and the words by which its training is told from all others.

    Args:
        job: What is to be trained; `job.out` is the folder.
        words: What makes one training differ from another, as JSON values: seed, settings,
            data, the checkpoint that it starts from.

    Attributes:
        checkpoint: Where the finished weights go.
        last_good: Where the weights before a divergence go.
        words: As given.
    """

    def __init__(self, job: TrainJob, words: Mapping[str, Any]) -> None:
        self.job, self.words = job, dict(words)
        self.checkpoint = job.out / weights_file.FILE_NAME
        self.last_good = job.out / LAST_GOOD_NAME
        self._state = job.out / STATE_NAME

    def is_finished(self, method: str) -> bool:
        """Return whether a checkpoint of this very training is there, and say so.

        Args:
            method: Name of the method; its checkpoint keeps the words under `job`.

        Raises:
            MethodError: The checkpoint is of another training, or damaged.
        """
        if not self.checkpoint.is_file():
            return False
        _, found = weights_file.read(self.checkpoint, method)
        self._check(found["job"])
        self.job.progress.say(f"{self.job.out} holds this very training, finished")
        return True

    def save(self, state: Mapping[str, Any]) -> None:
        """Keep a state, of tensors and plain values, in place of the last; whole or not at all."""
        buffer = io.BytesIO()
        torch.save({"job": json.dumps(self.words), **state}, buffer)
        write_bytes(self._state, buffer.getvalue())

    def state(self) -> dict[str, Any] | None:
        """Return the state that was last kept, or None where there is none.

        Raises:
            MethodError: It is damaged, or of another training.
        """
        if not self._state.is_file():
            return None
        try:
            state = torch.load(self._state, map_location=self.job.device, weights_only=True)
        except Exception as error:  # torch raises nearly every type there is on damaged bytes
            raise MethodError(
                f"{self._state} is damaged: {error}", "delete it to train afresh"
            ) from error
        self._check(json.loads(state["job"]))
        return dict(state)

    def finish(self, history: Record, checkpoint: Saveable) -> Path:
        """Write history and checkpoint, and only then remove the state; return the checkpoint."""
        history.save(self.job.out)
        checkpoint.save(self.checkpoint)
        self._state.unlink(missing_ok=True)
        return self.checkpoint

    def _check(self, found: Mapping[str, Any]) -> None:
        different = sorted(name for name in self.words if found.get(name) != self.words[name])
        if different:
            raise MethodError(
                f"{self.job.out} holds another training: {', '.join(different)} differ",
                "give another folder with --out, or delete this one",
            )


def words_of(job: TrainJob, settings: Options, data: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  JSON values
    """Return what makes one training differ from another, as JSON values.

    Args:
        job: What is to be trained.
        settings: How.
        data: Fingerprint of what is learnt from.
        more: What else tells them apart, such as the number of epochs.
    """
    init = hashlib.sha256(job.init.read_bytes()).hexdigest() if job.init else None
    return {"seed": job.seed, "settings": asdict(settings), "data": data, "init": init, **more}
