"""From a training job to a checkpoint, in as many tries as it takes.

Every epoch draws from random streams that depend on the seed and its own number alone: a training
that was interrupted ends in the same weights as one that was not (on the same device, with the
same number of threads).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import Field

from harness.errors import MethodError
from harness.method import TrainJob
from reference.stereonet.checkpoint import METHOD_NAME, Checkpoint, read_checkpoint, weights_of
from reference.stereonet.data import Sides, load_sides
from reference.stereonet.metrics import judged
from reference.stereonet.settings import Settings
from reference.stereonet.trainer import Trainer, named
from reference.training.folder import LAST_GOOD_NAME, TrainingFolder, sha256_of
from reference.training.record import Record

DEFAULT_EPOCHS = 4


class History(Record):
    """All epochs so far.

    Attributes:
        epochs: The mean of each level's loss, an entry an epoch; while the refiners wait, L_0 only.
    """

    epochs: list[dict[str, float]] = Field(default_factory=list)


def train(job: TrainJob) -> Path:
    """Train StereoNet; see `harness.method.Method.train`.

    Raises:
        DataError: A pair is incomplete or too small, or nothing is known of its disparity.
        MethodError: An option is wrong, `job.out` holds another training, the checkpoint to
            start from does not fit, or the training diverged.
    """
    settings = Settings.parse(job.options)
    if job.fold:
        raise MethodError("stereonet has no classes to cross-validate", "leave out --folds")
    source = read_checkpoint(job.init) if job.init else None
    if source:
        source.check(settings)
    sides = load_sides(job.data, settings, job.progress)
    if sides.remark:
        job.progress.say(sides.remark)
    folder = TrainingFolder(job, describe(job, settings, sides))
    if folder.is_finished(METHOD_NAME):
        return folder.checkpoint
    return _Training(folder, settings, sides, source).run()


def describe(job: TrainJob, settings: Settings, sides: Sides) -> dict[str, Any]:
    """Return what makes one training differ from another, as JSON values."""
    return {
        "seed": job.seed,
        "epochs": job.epochs or DEFAULT_EPOCHS,
        "settings": asdict(settings),
        "data": sides.fingerprint(),
        "init": sha256_of(job.init),
    }


class _Training:
    """One training with its folder, up to the finished checkpoint."""

    def __init__(
        self, folder: TrainingFolder, settings: Settings, sides: Sides, source: Checkpoint | None
    ) -> None:
        self.folder, self.job = folder, folder.job
        self.settings, self.sides = settings, sides
        self.history = History()
        self.trainer = Trainer(
            sides.train, settings, folder.words["epochs"], self.job.seed, self.job.device
        )
        if source:
            self.trainer.network.load_state_dict(source.weights)

    def run(self) -> Path:
        state = self.folder.state()
        if state:
            self.trainer.restore(state["trainer"])
            self.history = History.model_validate_json(state["history"])
            done = len(self.history.epochs)
            self.job.progress.say(f"going on in {self.job.out} after epoch {done}")
        self._epochs()
        return self._finish()

    def _epochs(self) -> None:
        epochs, total = self.history.epochs, self.trainer.epochs
        with self.job.progress.task("Training StereoNet", total) as task:
            task.advance(len(epochs))
            if not epochs:
                self._save_state()
            for number in range(len(epochs), total):
                terms = self._epoch(number)
                epochs.append(terms)
                self._save_state()
                task.advance(1, ", ".join(named(terms)))

    def _epoch(self, number: int) -> dict[str, float]:
        try:
            return self.trainer.run_epoch(number)
        except MethodError as error:
            state = self.folder.state()
            assert state is not None
            self.trainer.restore(state["trainer"])
            self._checkpoint({}).save(self.folder.last_good)
            raise MethodError(
                f"{error.cause}; the weights of epoch {number} are kept in {LAST_GOOD_NAME}",
                error.remedy,
            ) from error

    def _finish(self) -> Path:
        network, test = self.trainer.network.cpu().eval(), self.sides.test
        # What nobody knows the truth of cannot judge.
        metrics = (
            judged(network, test.left, test.right, test.disparity)
            if test.disparity is not None
            else {}
        )
        self.history.save(self.job.out)
        self._checkpoint(metrics).save(self.folder.checkpoint)
        self.folder.close()
        return self.folder.checkpoint

    def _checkpoint(self, metrics: dict[str, float]) -> Checkpoint:
        weights = weights_of(self.trainer.network)
        return Checkpoint(weights, self.settings.structure, self.folder.words, metrics)

    def _save_state(self) -> None:
        self.folder.save(
            {"history": self.history.model_dump_json(), "trainer": self.trainer.state()}
        )
