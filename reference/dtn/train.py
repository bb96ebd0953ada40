"""From a training job to a checkpoint, in as many tries as it takes; see `training.learning`.

First f learns to classify S, and the judge to classify T; then f is frozen, and g and D are
trained.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from harness.errors import DataError
from harness.method import TrainJob
from reference.dtn.checkpoint import METHOD_NAME, Checkpoint, read_checkpoint, weights_of
from reference.dtn.classify import build_f, build_judge, fit
from reference.dtn.data import Domains, load_domains
from reference.dtn.metrics import judged
from reference.dtn.networks import Classifier
from reference.dtn.settings import Settings
from reference.dtn.structure import DIGITS
from reference.dtn.trainer import Trainer
from reference.training.folder import TrainingFolder, words_of
from reference.training.folds import refuse_folds
from reference.training.learning import learn
from reference.training.record import Epochs, told
from reference.weights_file import check_start

DEFAULT_EPOCHS = 8


def train(job: TrainJob) -> Path:
    """Train DTN; see `harness.method.Method.train`.

    Raises:
        DataError: A domain is missing, too small, or has labels that do not fit.
        MethodError: An option is wrong, `job.out` holds another training, the checkpoint to
            start from does not fit, or the training diverged.
    """
    settings = Settings.parse(job.options)
    refuse_folds(METHOD_NAME, job.fold)
    source = read_checkpoint(job.init) if job.init else None
    if source:
        check_start({"width": source.width}, settings)
    domains = load_domains(job.data, job.progress)
    classes = _classes(domains, source)
    folder = TrainingFolder(job, describe(job, settings, domains))
    if folder.is_finished(METHOD_NAME):
        return folder.checkpoint
    return _trained(folder, settings, domains, classes, source)


def describe(job: TrainJob, settings: Settings, domains: Domains) -> dict[str, Any]:
    """Return what makes one training differ from another, as JSON values."""
    return words_of(job, settings, domains.fingerprint, epochs=job.epochs or DEFAULT_EPOCHS)


def pretrain(
    job: TrainJob, settings: Settings, domains: Domains, classes: tuple[str, ...]
) -> tuple[Classifier, Classifier | None]:
    """Train f on S, and the judge on T where T has labels."""
    with torch.random.fork_rng():
        torch.manual_seed(job.seed)
        classifier = build_f(settings.structure, len(classes))
        labelled = domains.judge_target.labels is not None
        judge = build_judge(DIGITS, len(classes)) if labelled else None
    common = job.seed, job.device, job.progress
    fit(classifier, domains.source, settings.f_epochs, settings.f_lr, *common, "Pretraining f on S")
    if judge:
        fit(
            judge,
            domains.judge_target,
            settings.judge_epochs,
            settings.f_lr,
            *common,
            "Training the judge on T",
        )
    return classifier, judge


def _trained(
    folder: TrainingFolder,
    settings: Settings,
    domains: Domains,
    classes: tuple[str, ...],
    source: Checkpoint | None,
) -> Path:
    job = folder.job
    classifier, judge = _classifiers(folder, settings, domains, classes, source)
    trainer = Trainer(classifier.encoder, domains, settings, job.seed, job.device)
    if source and source.variant == settings.variant:
        trainer.transfer.load_state_dict(source.transfer().state_dict())

    def epoch(history: Epochs) -> str:
        history.epochs.append(trainer.run_epoch(history.done))
        return told(history.epochs[-1])

    def checkpoint(metrics: dict[str, float]) -> Checkpoint:
        weights = weights_of(classifier, trainer.transfer, judge)
        words = folder.words
        return Checkpoint(weights, classes, settings.width, settings.variant, words, metrics)

    history = learn(
        folder,
        trainer,
        Epochs(),
        epoch,
        lambda path: checkpoint({}).save(path),
        title=f"Training {settings.variant} DTN",
        total=folder.words["epochs"],
        beside={
            "classifier": classifier.state_dict(),
            "judge": judge.state_dict() if judge else None,
        },
    )
    trainer.transfer.cpu().eval()
    classifier.cpu()
    sides = domains.source_test, domains.target_test
    metrics = judged(classifier, trainer.transfer, judge.cpu() if judge else None, *sides)
    return folder.finish(history, checkpoint(dict(metrics)))


def _classifiers(
    folder: TrainingFolder,
    settings: Settings,
    domains: Domains,
    classes: tuple[str, ...],
    source: Checkpoint | None,
) -> tuple[Classifier, Classifier | None]:
    """Return f and the judge: of the checkpoint to start from, as they were, or newly taught."""
    if source:
        return source.classifier(), source.judge()
    state = folder.state()
    if state is None:
        return pretrain(folder.job, settings, domains, classes)
    classifier = build_f(settings.structure, len(classes))
    classifier.load_state_dict(state["classifier"])
    judge = None
    if state["judge"] is not None:
        judge = build_judge(DIGITS, len(classes))
        judge.load_state_dict(state["judge"])
        judge.eval()
    return classifier.eval(), judge


def _classes(domains: Domains, source: Checkpoint | None) -> tuple[str, ...]:
    """Return the classes that f tells apart: those of the checkpoint, or those of S."""
    if source:
        check_classes(source.classes, domains.classes)
        return source.classes
    if len(domains.classes) < 2:
        raise DataError(
            f"S has {len(domains.classes)} classes, and f has to be taught by at least 2",
            "put the pictures of source/ into a folder a class, or give f with --init CHECKPOINT",
        )
    return domains.classes


def check_classes(known: tuple[str, ...], found: tuple[str, ...]) -> None:
    """Make sure that data that have classes have those of a checkpoint.

    Raises:
        DataError: They have others.
    """
    if found and found != known:
        raise DataError(
            f"the checkpoint knows the classes {', '.join(known)}, the data have "
            f"{', '.join(found)}",
            "name the folders alike, or train without a checkpoint",
        )
