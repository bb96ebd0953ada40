"""From a training job to a checkpoint, in as many tries as it takes; see `training.learning`."""

from __future__ import annotations

from pathlib import Path

import torch

from harness.method import TrainJob
from reference.coin_classifier.checkpoint import (
    METHOD_NAME,
    Checkpoint,
    read_checkpoint,
    transfer,
)
from reference.coin_classifier.data import Pictures, load_pictures
from reference.coin_classifier.history import Epoch, History
from reference.coin_classifier.networks import MobileNetV1
from reference.coin_classifier.schedule import default_epochs
from reference.coin_classifier.settings import Settings
from reference.coin_classifier.trainer import Trainer
from reference.training.folder import TrainingFolder, words_of
from reference.training.learning import learn
from reference.weights_file import check_start, weights_of


def train(job: TrainJob) -> Path:
    """Train the classifier; see `harness.method.Method.train`.

    Raises:
        DataError: The data break a rule of V-Training.
        MethodError: An option is wrong, `job.out` holds another training, the checkpoint to
            start from does not fit, or the training diverged.
    """
    settings = Settings.parse(job.options)
    source = read_checkpoint(job.init) if job.init else None
    if source:
        check_start({"width": source.width}, settings)
    pictures = load_pictures(job.data, settings.size, job.fold, job.progress)
    for warning in pictures.warnings:
        job.progress.say(warning)
    epochs = job.epochs or default_epochs(len(pictures.train.ids))
    fold = [job.fold.index, job.fold.count] if job.fold else None
    words = words_of(job, settings, pictures.fingerprint, epochs=epochs, fold=fold)
    folder = TrainingFolder(job, words)
    if folder.is_finished(METHOD_NAME):
        return folder.checkpoint
    network = _start(job, settings, pictures.classes, source)
    trainer = Trainer(network, pictures, settings, epochs, job.seed, job.device)
    history = learn(
        folder,
        trainer,
        History(width=settings.width),
        lambda history: _epoch(folder, trainer, history),
        lambda path: _checkpoint(folder, trainer, pictures).save(path),
        title="Training",
        total=epochs,
    )
    history.final_train = trainer.score(pictures.train)
    history.final_valid = trainer.score(pictures.valid)
    return folder.finish(history, _checkpoint(folder, trainer, pictures))


def _start(
    job: TrainJob, settings: Settings, classes: tuple[str, ...], source: Checkpoint | None
) -> MobileNetV1:
    with torch.random.fork_rng():
        torch.manual_seed(job.seed)
        network = MobileNetV1(len(classes), settings.width, settings.dropout)
    if source:
        job.progress.say(transfer(source, network, classes))
    return network


def _epoch(folder: TrainingFolder, trainer: Trainer, history: History) -> str | None:
    if 0 < trainer.settings.patience <= history.since_best():
        folder.job.progress.say(f"Stopped early, after {history.done} of {trainer.epochs} epochs")
        return None
    history.epochs.append(trainer.run_epoch(history.done))
    return _note(history.epochs[-1])


def _checkpoint(folder: TrainingFolder, trainer: Trainer, pictures: Pictures) -> Checkpoint:
    weights, settings = weights_of({"": trainer.average}), trainer.settings
    return Checkpoint(weights, pictures.classes, settings.width, settings.size, folder.words)


def _note(epoch: Epoch) -> str:
    return (
        f"loss {epoch.train.loss:.3f}, accuracy {epoch.train.accuracy:.3f}; "
        f"validation {epoch.valid.loss:.3f}, {epoch.valid.accuracy:.3f}"
    )
