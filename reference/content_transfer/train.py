"""From a training job to a checkpoint, in as many tries as it takes; see `training.learning`."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from harness.method import TrainJob
from reference.content_transfer.checkpoint import METHOD_NAME, SIZES, Checkpoint, read_checkpoint
from reference.content_transfer.data import Pictures, as_floats, load_pictures
from reference.content_transfer.judge import Judge, fit_judge, fit_probe
from reference.content_transfer.metrics import apply, judged
from reference.content_transfer.networks import ContentTransfer
from reference.content_transfer.settings import Settings
from reference.content_transfer.trainer import Trainer
from reference.training.folder import TrainingFolder, words_of
from reference.training.folds import refuse_folds
from reference.training.learning import learn
from reference.training.record import Rows, Stretch, told
from reference.weights_file import check_start

# Steps a row of the history, after which a training can be taken up.
ROW_STEPS = 50
# Pictures of each domain that the probe learns from.
PROBE_PICTURES = 1000


class Row(Stretch):
    """Some steps in a row.

    Attributes:
        terms: Mean of each loss term.
    """

    terms: dict[str, float]


class History(Rows[Row]):
    """All steps so far, and what the finished networks reach."""


def train(job: TrainJob) -> Path:
    """Train content transfer; see `harness.method.Method.train`.

    Raises:
        DataError: A domain is empty, or a picture cannot be used.
        MethodError: An option is wrong, `job.out` holds another training, the checkpoint to
            start from does not fit, or the training diverged.
    """
    settings = Settings.parse(job.options)
    refuse_folds(METHOD_NAME, job.fold)
    check_size(settings)
    source = read_checkpoint(job.init) if job.init else None
    if source:
        check_start({name: getattr(source, name) for name in SIZES}, settings)
    pictures = load_pictures(job.data, settings, job.progress)
    if job.epochs is not None:
        most = max(len(pictures.plain), len(pictures.content))
        settings = replace(settings, steps=job.epochs * math.ceil(most / settings.batch))
    folder = TrainingFolder(job, words_of(job, settings, pictures.fingerprint()))
    if folder.is_finished(METHOD_NAME):
        return folder.checkpoint
    trainer = Trainer(pictures, settings, job.seed, job.device)
    if source:
        trainer.networks.load_state_dict(source.networks.state_dict())
    return _trained(folder, settings, pictures, trainer)


def check_size(settings: Settings) -> None:
    """Make sure that the networks can be built.

    Raises:
        MethodError: E2's code leaves nothing to E1's.
    """
    assert settings.structure


def probe_of(networks: ContentTransfer, pictures: Pictures) -> nn.Linear:
    """Fit a fresh probe to E1's codes of the pictures that were learnt from."""
    sides = pictures.plain, pictures.content
    seen = [as_floats(torch.from_numpy(side.images[:PROBE_PICTURES])) for side in sides]
    return fit_probe(*(apply(networks.e1, one).flatten(1) for one in seen))


def _trained(
    folder: TrainingFolder, settings: Settings, pictures: Pictures, trainer: Trainer
) -> Path:
    def row(history: History) -> str:
        stop = min(history.done + ROW_STEPS, settings.steps)
        terms = trainer.run(history.done, stop)
        history.rows.append(Row(step=stop, terms=terms))
        return told(terms)

    history = learn(
        folder,
        trainer,
        History(),
        row,
        lambda path: _checkpoint(folder, settings, pictures, trainer).save(path),
        title="Training",
        total=settings.steps,
    )
    found = _checkpoint(folder, settings, pictures, trainer)
    history.metrics = dict(judged(found.networks, found.judge, found.probe, pictures))
    return folder.finish(history, replace(found, metrics=history.metrics))


def _checkpoint(
    folder: TrainingFolder, settings: Settings, pictures: Pictures, trainer: Trainer
) -> Checkpoint:
    networks = trainer.networks.cpu().eval()
    judge, probe = _judge(folder.job, pictures), probe_of(networks, pictures)
    sizes = settings.side, settings.width, settings.sep
    return Checkpoint(networks, judge, probe, *sizes, folder.words)


def _judge(job: TrainJob, pictures: Pictures) -> Judge:
    job.progress.say("Training the judge, which tells pictures with content from others")
    return fit_judge(pictures.plain, pictures.content, job.seed, job.device)
