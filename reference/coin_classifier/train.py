"""From a training job to a checkpoint, in as many tries as it takes.

Every epoch draws from random streams that depend on the seed and the epoch's number alone. So a
training that was interrupted, at whatever point, ends in the same weights to the bit as one that
was not (on the same device, with the same number of threads).
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from harness.errors import MethodError
from harness.files import write_bytes
from harness.method import TrainJob
from reference import weights_file
from reference.coin_classifier.checkpoint import Checkpoint, read_checkpoint, transfer
from reference.coin_classifier.data import Pictures, load_pictures
from reference.coin_classifier.history import Epoch, History
from reference.coin_classifier.networks import MobileNetV1
from reference.coin_classifier.schedule import default_epochs
from reference.coin_classifier.settings import Settings
from reference.coin_classifier.trainer import Trainer

STATE_NAME = "state.pt"


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
    words = describe(job, settings, pictures, epochs)
    target = job.out / weights_file.FILE_NAME
    if target.is_file():
        _check_same(read_checkpoint(target).job, words, job.out)
        job.progress.say(f"{job.out} holds this very training, finished")
        return target
    network = _start(job, settings, pictures.classes, source)
    trainer = Trainer(network, pictures, settings, epochs, job.seed, job.device)
    history = _resume(job, words, trainer) or History(width=settings.width)
    _run(job, words, trainer, history)
    return _finish(job, words, trainer, history, pictures)


def describe(job: TrainJob, settings: Settings, pictures: Pictures, epochs: int) -> dict[str, Any]:
    """Return what makes one training differ from another, as JSON values."""
    return {
        "seed": job.seed,
        "epochs": epochs,
        "settings": asdict(settings),
        "data": pictures.fingerprint,
        "fold": [job.fold.index, job.fold.count] if job.fold else None,
        "init": hashlib.sha256(job.init.read_bytes()).hexdigest() if job.init else None,
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


def _run(job: TrainJob, words: dict[str, Any], trainer: Trainer, history: History) -> None:
    with job.progress.task("Training", trainer.epochs) as task:
        task.advance(len(history.epochs))
        for number in range(len(history.epochs), trainer.epochs):
            if _stalled(history, trainer.settings.patience):
                job.progress.say(f"Stopped early, after {number} of {trainer.epochs} epochs")
                return
            epoch = trainer.run_epoch(number)
            history.epochs.append(epoch)
            _save_state(job.out, words, trainer, history)
            task.advance(1, _note(epoch))


def _stalled(history: History, patience: int) -> bool:
    return 0 < patience <= history.since_best()


def _finish(
    job: TrainJob, words: dict[str, Any], trainer: Trainer, history: History, pictures: Pictures
) -> Path:
    history.final_train = trainer.score(pictures.train)
    history.final_valid = trainer.score(pictures.valid)
    history.save(job.out)
    weights = {
        name: tensor.cpu().contiguous() for name, tensor in trainer.average.state_dict().items()
    }
    settings = trainer.settings
    target = job.out / weights_file.FILE_NAME
    Checkpoint(weights, pictures.classes, settings.width, settings.size, words).save(target)
    (job.out / STATE_NAME).unlink(missing_ok=True)
    return target


def _save_state(folder: Path, words: dict[str, Any], trainer: Trainer, history: History) -> None:
    buffer = io.BytesIO()
    state = {"job": json.dumps(words), "history": history.model_dump_json(), **trainer.state()}
    torch.save(state, buffer)
    write_bytes(folder / STATE_NAME, buffer.getvalue())


def _resume(job: TrainJob, words: dict[str, Any], trainer: Trainer) -> History | None:
    path = job.out / STATE_NAME
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location=job.device, weights_only=True)
    except Exception as error:  # torch raises nearly every type there is on damaged bytes
        raise MethodError(f"{path} is damaged: {error}", "delete it to train afresh") from error
    _check_same(json.loads(state["job"]), words, job.out)
    trainer.restore(state)
    history = History.model_validate_json(state["history"])
    job.progress.say(f"Taking up the training in {job.out} after epoch {len(history.epochs)}")
    return history


def _check_same(found: dict[str, Any], wanted: dict[str, Any], folder: Path) -> None:
    different = sorted(name for name in wanted if found.get(name) != wanted[name])
    if different:
        raise MethodError(
            f"{folder} holds another training: {', '.join(different)} differ",
            "give another folder with --out, or delete this one",
        )


def _note(epoch: Epoch) -> str:
    return (
        f"loss {epoch.train.loss:.3f}, accuracy {epoch.train.accuracy:.3f}; "
        f"validation {epoch.valid.loss:.3f}, {epoch.valid.accuracy:.3f}"
    )
