"""From a training job to a checkpoint, in as many tries as it takes; see `training.learning`."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import torch

from harness.method import TrainJob
from reference.simgan.checkpoint import METHOD_NAME, Checkpoint, Networks, read_checkpoint
from reference.simgan.data import Pictures, load_pictures
from reference.simgan.estimator import fit_estimator, gaze_metrics, refine
from reference.simgan.history import History
from reference.simgan.networks import Discriminator, Refiner
from reference.simgan.settings import Settings
from reference.simgan.trainer import Trainer
from reference.training.folder import TrainingFolder, words_of
from reference.training.folds import refuse_folds
from reference.training.learning import learn
from reference.training.record import told
from reference.weights_file import check_start

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
    refuse_folds(METHOD_NAME, job.fold)
    source = read_checkpoint(job.init) if job.init else None
    if source:
        check_start({"width": source.width, "blocks": source.blocks}, settings)
    pictures = load_pictures(job.data, settings, job.progress)
    if job.epochs is not None:
        steps = job.epochs * math.ceil(len(pictures.synthetic) / settings.batch)
        settings = replace(settings, steps=steps)
    folder = TrainingFolder(job, words_of(job, settings, pictures.fingerprint()))
    if folder.is_finished(METHOD_NAME):
        return folder.checkpoint
    networks = new_networks(settings, job.seed)
    if source:
        networks.refiner.load_state_dict(source.networks.refiner.state_dict())
        networks.discriminator.load_state_dict(source.networks.discriminator.state_dict())
    trainer = Trainer(networks, pictures, settings, job.seed, job.device, pretrain=not source)
    history = learn(
        folder,
        trainer,
        History(),
        lambda history: _row(trainer, history),
        lambda path: _checkpoint(folder, trainer, trainer.networks).save(path),
        title="Training",
        total=trainer.total,
    )
    return _finish(folder, trainer, history, pictures)


def new_networks(settings: Settings, seed: int) -> Networks:
    """Return refiner and discriminator with the start weights of a seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Networks(Refiner(settings.width, settings.blocks), Discriminator(settings.width))


def _row(trainer: Trainer, history: History) -> str:
    row = trainer.run(history.done, trainer.boundary(history.done, ROW_STEPS))
    history.rows.append(row)
    return told(row.terms)


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
    return folder.finish(history, _checkpoint(folder, trainer, networks))


def _checkpoint(folder: TrainingFolder, trainer: Trainer, networks: Networks) -> Checkpoint:
    settings = trainer.settings
    return Checkpoint(networks, settings.width, settings.blocks, settings.hidden, folder.words)
