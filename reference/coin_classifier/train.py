"""From a training job to a checkpoint, in as many tries as it takes.

Every epoch draws from random streams that depend on the seed and the epoch's number alone. So a
training that was interrupted, at whatever point, ends in the same weights to the bit as one that
was not (on the same device, with the same number of threads).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

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
from reference.training.folder import TrainingFolder, sha256_of


def train(job: TrainJob) -> Path:
    """Train the classifier; see `harness.method.Method.train`.

    Raises:
        DataError: The data break a rule of V-Training.
        MethodError: An option is wrong, `job.out` holds another training, the checkpoint to
            start from does not fit, or the training diverged.
    """
    settings = Settings.parse(job.options)
    source = read_checkpoint(job.init) if job.init else None
    pictures = load_pictures(job.data, settings.size, job.fold, job.progress)
    for warning in pictures.warnings:
        job.progress.say(warning)
    epochs = job.epochs or default_epochs(len(pictures.train.ids))
    folder = TrainingFolder(job, describe(job, settings, pictures, epochs))
    if folder.is_finished(METHOD_NAME):
        return folder.checkpoint
    network = _start(job, settings, pictures.classes, source)
    trainer = Trainer(network, pictures, settings, epochs, job.seed, job.device)
    history = _resume(folder, trainer) or History(width=settings.width)
    _run(folder, trainer, history)
    return _finish(folder, trainer, history, pictures)


def describe(job: TrainJob, settings: Settings, pictures: Pictures, epochs: int) -> dict[str, Any]:
    """Return what makes one training differ from another, as JSON values."""
    return {
        "seed": job.seed,
        "epochs": epochs,
        "settings": asdict(settings),
        "data": pictures.fingerprint,
        "fold": [job.fold.index, job.fold.count] if job.fold else None,
        "init": sha256_of(job.init),
    }


def _start(
    job: TrainJob, settings: Settings, classes: tuple[str, ...], source: Checkpoint | None
) -> MobileNetV1:
    with torch.random.fork_rng():
        torch.manual_seed(job.seed)
        network = MobileNetV1(len(classes), settings.width, settings.dropout)
    if source:
        job.progress.say(transfer(source, network, classes))
    return network


def _run(folder: TrainingFolder, trainer: Trainer, history: History) -> None:
    progress = folder.job.progress
    with progress.task("Training", trainer.epochs) as task:
        task.advance(len(history.epochs))
        for number in range(len(history.epochs), trainer.epochs):
            if _stalled(history, trainer.settings.patience):
                progress.say(f"Stopped early, after {number} of {trainer.epochs} epochs")
                return
            epoch = trainer.run_epoch(number)
            history.epochs.append(epoch)
            folder.save({"history": history.model_dump_json(), **trainer.state()})
            task.advance(1, _note(epoch))


def _stalled(history: History, patience: int) -> bool:
    return 0 < patience <= history.since_best()


def _finish(folder: TrainingFolder, trainer: Trainer, history: History, pictures: Pictures) -> Path:
    history.final_train = trainer.score(pictures.train)
    history.final_valid = trainer.score(pictures.valid)
    history.save(folder.job.out)
    weights = {
        name: tensor.cpu().contiguous() for name, tensor in trainer.average.state_dict().items()
    }
    width, size = trainer.settings.width, trainer.settings.size
    Checkpoint(weights, pictures.classes, width, size, folder.words).save(folder.checkpoint)
    folder.close()
    return folder.checkpoint


def _resume(folder: TrainingFolder, trainer: Trainer) -> History | None:
    state = folder.state()
    if state is None:
        return None
    trainer.restore(state)
    history = History.model_validate_json(state["history"])
    job = folder.job
    job.progress.say(f"Taking up the training in {job.out} after epoch {len(history.epochs)}")
    return history


def _note(epoch: Epoch) -> str:
    return (
        f"loss {epoch.train.loss:.3f}, accuracy {epoch.train.accuracy:.3f}; "
        f"validation {epoch.valid.loss:.3f}, {epoch.valid.accuracy:.3f}"
    )
