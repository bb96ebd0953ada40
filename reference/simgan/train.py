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

from harness.errors import MethodError
from harness.method import TrainJob
from reference.simgan.checkpoint import (
    METHOD_NAME,
    Checkpoint,
    Networks,
    read_checkpoint,
    take_weights,
)
from reference.simgan.data import Pictures, load_pictures
from reference.simgan.estimator import fit_estimator, gaze_metrics, refine
from reference.simgan.history import History, Row
from reference.simgan.networks import Discriminator, Refiner
from reference.simgan.settings import Settings
from reference.simgan.trainer import Trainer
from reference.training.folder import LAST_GOOD_NAME, TrainingFolder, sha256_of

# Steps a row of the history, after which a training can be taken up.
ROW_STEPS = 25


def train(job: TrainJob) -> Path:
    """Train refiner, discriminator and estimator; see `harness.method.Method.train`.

    Raises:
        DataError: A domain is empty, or a picture cannot be used.
        MethodError: An option is wrong, `job.out` holds another training, the checkpoint to
            start from does not fit, or the training diverged.
    """
    settings = Settings.parse(job.options)
    if job.fold is not None:
        raise MethodError("simgan has no labelled classes to cross-validate", "leave out --folds")
    source = read_checkpoint(job.init) if job.init else None
    pictures = load_pictures(job.data, settings, job.progress)
    if job.epochs is not None:
        steps = job.epochs * math.ceil(len(pictures.synthetic) / settings.batch)
        settings = replace(settings, steps=steps)
    folder = TrainingFolder(job, describe(job, settings, pictures))
    if folder.is_finished(METHOD_NAME):
        return folder.checkpoint
    networks = new_networks(settings, job.seed)
    if source:
        take_weights(source, networks)
    pretrain = source is None
    trainer = Trainer(networks, pictures, settings, job.seed, job.device, pretrain=pretrain)
    history = _resume(folder, trainer) or History()
    _run(folder, trainer, history)
    return _finish(folder, trainer, history, pictures)


def new_networks(settings: Settings, seed: int) -> Networks:
    """Return refiner and discriminator with the start weights of a seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Networks(Refiner(settings.width, settings.blocks), Discriminator(settings.width))


def describe(job: TrainJob, settings: Settings, pictures: Pictures) -> dict[str, Any]:
    """Return what makes one training differ from another, as JSON values."""
    return {
        "seed": job.seed,
        "settings": asdict(settings),
        "data": pictures.fingerprint(),
        "init": sha256_of(job.init),
    }


def _run(folder: TrainingFolder, trainer: Trainer, history: History) -> None:
    done = history.rows[-1].step if history.rows else 0
    with folder.job.progress.task("Training", trainer.total) as task:
        task.advance(done)
        while done < trainer.total:
            stop = trainer.boundary(done, ROW_STEPS)
            try:
                row = trainer.run(done, stop)
            except MethodError as error:
                raise _with_last_good(error, folder, trainer) from error
            history.rows.append(row)
            folder.save({"history": history.model_dump_json(), **trainer.state()})
            task.advance(stop - done, _note(row))
            done = stop


def _with_last_good(error: MethodError, folder: TrainingFolder, trainer: Trainer) -> MethodError:
    """Write the weights of the last row that was sound, and say so in the error."""
    state = folder.state()
    if state is None:
        return error
    trainer.restore(state)
    _checkpoint(trainer, trainer.networks, folder.words).save(folder.last_good)
    return MethodError(
        error.cause, f"{error.remedy}; {LAST_GOOD_NAME} there keeps the weights before"
    )


def _finish(folder: TrainingFolder, trainer: Trainer, history: History, pictures: Pictures) -> Path:
    job, settings = folder.job, trainer.settings
    networks = Networks(trainer.refiner.eval(), trainer.discriminator.eval())
    if pictures.gaze is not None and pictures.held_out_gaze is not None:
        job.progress.say("Training a gaze estimator on the refined pictures")
        estimator = fit_estimator(
            refine(networks.refiner, pictures.synthetic.images, job.device),
            pictures.gaze,
            width=settings.width,
            hidden=settings.hidden,
            steps=settings.estimator_steps,
            seed=job.seed,
            device=job.device,
        )
        networks = replace(networks, estimator=estimator)
        judged = refine(networks.refiner, pictures.held_out.images, job.device)
        history.metrics = gaze_metrics(estimator, judged, pictures.held_out_gaze)
    history.save(job.out)
    _checkpoint(trainer, networks, folder.words).save(folder.checkpoint)
    folder.close()
    return folder.checkpoint


def _checkpoint(trainer: Trainer, networks: Networks, words: dict[str, Any]) -> Checkpoint:
    settings = trainer.settings
    return Checkpoint(networks, settings.width, settings.blocks, settings.hidden, words)


def _resume(folder: TrainingFolder, trainer: Trainer) -> History | None:
    state = folder.state()
    if state is None:
        return None
    trainer.restore(state)
    history = History.model_validate_json(state["history"])
    last, job = history.rows[-1].step, folder.job
    job.progress.say(f"Taking up the training in {job.out} after step {last}")
    return history


def _note(row: Row) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in row.terms.items())
