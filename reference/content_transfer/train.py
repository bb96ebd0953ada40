"""From a training job to a checkpoint, in as many tries as it takes.

Every row of steps draws from a random stream that depends on the seed and its first step alone. So
a training that was interrupted ends in the same weights to the bit as one that was not (on the
same device, with the same number of threads).
"""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, Field
from torch import nn

from harness.errors import MethodError
from harness.method import TrainJob
from reference.content_transfer.checkpoint import METHOD_NAME, Checkpoint, read_checkpoint
from reference.content_transfer.data import Pictures, as_floats, load_pictures
from reference.content_transfer.judge import Judge, fit_judge, fit_probe
from reference.content_transfer.metrics import apply, judged
from reference.content_transfer.networks import ContentTransfer
from reference.content_transfer.settings import Settings
from reference.content_transfer.trainer import Trainer
from reference.training.folder import LAST_GOOD_NAME, TrainingFolder, sha256_of
from reference.training.record import Record

# Steps a row of the history, after which a training can be taken up.
ROW_STEPS = 50
# Pictures of each domain that the probe learns from.
PROBE_PICTURES = 1000


class Row(BaseModel):
    """Some steps in a row.

    Attributes:
        step: Number of the last one, from 1.
        terms: Mean of each loss term.
    """

    step: int
    terms: dict[str, float]


class History(Record):
    """All steps so far, and what the finished networks reach.

    Attributes:
        rows: In order.
        metrics: Of the finished networks.
    """

    rows: list[Row] = Field(default_factory=list)
    metrics: dict[str, float] = Field(default_factory=dict)


def train(job: TrainJob) -> Path:
    """Train content transfer; see `harness.method.Method.train`.

    Raises:
        DataError: A domain is empty, or a picture cannot be used.
        MethodError: An option is wrong, `job.out` holds another training, the checkpoint to
            start from does not fit, or the training diverged.
    """
    settings = Settings.parse(job.options)
    if job.fold is not None:
        raise MethodError(f"{METHOD_NAME} has no classes to cross-validate", "leave out --folds")
    check_size(settings)
    source = read_checkpoint(job.init) if job.init else None
    if source:
        check_start(source, settings)
    pictures = load_pictures(job.data, settings, job.progress)
    if job.epochs is not None:
        most = max(len(pictures.plain), len(pictures.content))
        settings = replace(settings, steps=job.epochs * math.ceil(most / settings.batch))
    folder = TrainingFolder(job, describe(job, settings, pictures))
    if folder.is_finished(METHOD_NAME):
        return folder.checkpoint
    return _Training(folder, settings, pictures, source).run()


def check_size(settings: Settings) -> None:
    """Make sure that the networks can be built.

    Raises:
        MethodError: E2's code leaves nothing to E1's.
    """
    assert settings.structure


def check_start(source: Checkpoint, settings: Settings) -> None:
    """Make sure that a checkpoint can be started from.

    Raises:
        MethodError: Its networks are of another size.
    """
    names = ("side", "width", "sep")
    if any(getattr(source, name) != getattr(settings, name) for name in names):
        sizes = {name: f"{getattr(source, name):g}" for name in names}
        raise MethodError(
            "the checkpoint to start from has "
            + ", ".join(f"{name} {size}" for name, size in sizes.items())
            + ", another size than asked for",
            "add " + " ".join(f"--set {name}={size}" for name, size in sizes.items()),
        )


def describe(job: TrainJob, settings: Settings, pictures: Pictures) -> dict[str, Any]:
    """Return what makes one training differ from another, as JSON values."""
    return {
        "seed": job.seed,
        "settings": asdict(settings),
        "data": pictures.fingerprint(),
        "init": sha256_of(job.init),
    }


def probe_of(networks: ContentTransfer, pictures: Pictures) -> nn.Linear:
    """Fit a fresh probe to E1's codes of the pictures that were learnt from."""
    sides = pictures.plain, pictures.content
    seen = [as_floats(torch.from_numpy(side.images[:PROBE_PICTURES])) for side in sides]
    return fit_probe(*(apply(networks.e1, one).flatten(1) for one in seen))


class _Training:
    """One training with its folder, from the judge to the finished checkpoint."""

    def __init__(
        self,
        folder: TrainingFolder,
        settings: Settings,
        pictures: Pictures,
        source: Checkpoint | None,
    ) -> None:
        self.folder, self.job = folder, folder.job
        self.settings, self.pictures = settings, pictures
        self.trainer = Trainer(pictures, settings, self.job.seed, self.job.device)
        if source:
            self.trainer.networks.load_state_dict(source.networks.state_dict())
        self.history = History()

    def run(self) -> Path:
        state = self.folder.state()
        if state is not None:
            self.trainer.restore(state["trainer"])
            self.history = History.model_validate_json(state["history"])
            last = self.history.rows[-1].step
            self.job.progress.say(f"Taking up the training in {self.job.out} after step {last}")
        self._rows()
        return self._finish()

    def _rows(self) -> None:
        rows, total = self.history.rows, self.settings.steps
        done = rows[-1].step if rows else 0
        with self.job.progress.task("Training", total) as task:
            task.advance(done)
            while done < total:
                stop = min(done + ROW_STEPS, total)
                terms = self._row(done, stop)
                rows.append(Row(step=stop, terms=terms))
                self.folder.save(
                    {"history": self.history.model_dump_json(), "trainer": self.trainer.state()}
                )
                note = ", ".join(f"{name} {value:.3g}" for name, value in terms.items())
                task.advance(stop - done, note)
                done = stop

    def _row(self, start: int, stop: int) -> dict[str, float]:
        """Do a row of steps; where one diverges, write the weights of the last sound row."""
        try:
            return self.trainer.run(start, stop)
        except MethodError as error:
            state = self.folder.state()
            if state is None:
                raise
            self.trainer.restore(state["trainer"])
            self._checkpoint(self._judge(), {}).save(self.folder.last_good)
            raise MethodError(
                error.cause, f"{error.remedy}; {LAST_GOOD_NAME} there keeps the weights before"
            ) from error

    def _finish(self) -> Path:
        judge = self._judge()
        found = self._checkpoint(judge, {})
        metrics = judged(found.networks, judge, found.probe, self.pictures)
        self.history.metrics = dict(metrics)
        self.history.save(self.job.out)
        replace(found, metrics=metrics).save(self.folder.checkpoint)
        self.folder.close()
        return self.folder.checkpoint

    def _judge(self) -> Judge:
        self.job.progress.say("Training the judge, which tells pictures with content from others")
        sides = self.pictures.plain, self.pictures.content
        return fit_judge(*sides, self.job.seed, self.job.device)

    def _checkpoint(self, judge: Judge, metrics: dict[str, float]) -> Checkpoint:
        settings = self.settings
        networks = self.trainer.networks.cpu().eval()
        return Checkpoint(
            networks,
            judge,
            probe_of(networks, self.pictures),
            settings.side,
            settings.width,
            settings.sep,
            self.folder.words,
            metrics,
        )
