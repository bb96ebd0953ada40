"""From a training job to a checkpoint, in as many tries as it takes.

First f learns to classify S, and the judge to classify T; then f is frozen, and g and D are
trained. Every epoch draws from random streams that depend on the seed and its own number alone:
a training that was interrupted ends in the same weights as one that was not (on the same device,
with the same number of threads).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from pydantic import Field

from harness.errors import DataError, MethodError
from harness.method import TrainJob
from reference.dtn.checkpoint import METHOD_NAME, Checkpoint, read_checkpoint, weights_of
from reference.dtn.classify import build_f, build_judge, fit
from reference.dtn.data import Domains, load_domains
from reference.dtn.metrics import judged
from reference.dtn.networks import Classifier
from reference.dtn.settings import Settings
from reference.dtn.structure import DIGITS
from reference.dtn.trainer import Trainer
from reference.training.folder import LAST_GOOD_NAME, TrainingFolder, sha256_of
from reference.training.record import Record

DEFAULT_EPOCHS = 8


class History(Record):
    """All epochs so far.

    Attributes:
        epochs: The mean of each loss term, an entry an epoch.
    """

    epochs: list[dict[str, float]] = Field(default_factory=list)


def train(job: TrainJob) -> Path:
    """Train DTN; see `harness.method.Method.train`.

    Raises:
        DataError: A domain is missing, too small, or has labels that do not fit.
        MethodError: An option is wrong, `job.out` holds another training, the checkpoint to
            start from does not fit, or the training diverged.
    """
    settings = Settings.parse(job.options)
    if job.fold:
        raise MethodError("dtn has no cross-validation", "leave out --folds")
    source = read_checkpoint(job.init) if job.init else None
    if source:
        check_width(source, settings.width)
    domains = load_domains(job.data, job.progress)
    classes = _classes(domains, source)
    folder = TrainingFolder(job, describe(job, settings, domains))
    if folder.is_finished(METHOD_NAME):
        return folder.checkpoint
    return _Training(folder, settings, domains, classes, source).run()


def describe(job: TrainJob, settings: Settings, domains: Domains) -> dict[str, Any]:
    """Return what makes one training differ from another, as JSON values."""
    return {
        "seed": job.seed,
        "epochs": job.epochs or DEFAULT_EPOCHS,
        "settings": asdict(settings),
        "data": domains.fingerprint,
        "init": sha256_of(job.init),
    }


def check_width(source: Checkpoint, width: float) -> None:
    """Make sure that a checkpoint can be started from.

    Raises:
        MethodError: Its networks have another width.
    """
    if source.width != width:
        raise MethodError(
            f"the checkpoint has width {source.width:g}, and width {width:g} was asked for",
            f"add --set width={source.width:g}",
        )


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


class _Training:
    """One training with its folder, from f's pretraining to the finished checkpoint."""

    def __init__(
        self,
        folder: TrainingFolder,
        settings: Settings,
        domains: Domains,
        classes: tuple[str, ...],
        source: Checkpoint | None,
    ) -> None:
        self.folder, self.job = folder, folder.job
        self.settings, self.domains = settings, domains
        self.classes, self.source = classes, source
        self.history = History()

    def run(self) -> Path:
        state = self.folder.state()
        self.classifier, self.judge = self._classifiers(state)
        self.trainer = Trainer(
            self.classifier.encoder, self.domains, self.settings, self.job.seed, self.job.device
        )
        if state:
            self.trainer.restore(state["trainer"])
            self.history = History.model_validate_json(state["history"])
            done = len(self.history.epochs)
            self.job.progress.say(f"going on in {self.job.out} after epoch {done}")
        elif self.source and self.source.variant == self.settings.variant:
            self.trainer.transfer.load_state_dict(self.source.transfer().state_dict())
        self._epochs()
        return self._finish()

    def _classifiers(self, state: dict[str, Any] | None) -> tuple[Classifier, Classifier | None]:
        if self.source:
            return self.source.classifier(), self.source.judge()
        if state is None:
            return pretrain(self.job, self.settings, self.domains, self.classes)
        classifier = build_f(self.settings.structure, len(self.classes))
        classifier.load_state_dict(state["classifier"])
        judge = None
        if state["judge"] is not None:
            judge = build_judge(DIGITS, len(self.classes))
            judge.load_state_dict(state["judge"])
            judge.eval()
        return classifier.eval(), judge

    def _epochs(self) -> None:
        epochs, total = self.history.epochs, self.folder.words["epochs"]
        with self.job.progress.task(f"Training {self.settings.variant} DTN", total) as task:
            task.advance(len(epochs))
            if not epochs:
                self._save_state()
            for number in range(len(epochs), total):
                terms = self._epoch(number)
                epochs.append(terms)
                self._save_state()
                task.advance(1, ", ".join(f"{name} {value:.3g}" for name, value in terms.items()))

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
        sides = self.domains.source_test, self.domains.target_test
        self.trainer.transfer.cpu().eval()
        self.classifier.cpu()
        judge = self.judge.cpu() if self.judge else None
        metrics = judged(self.classifier, self.trainer.transfer, judge, *sides)
        self.history.save(self.job.out)
        self._checkpoint(dict(metrics)).save(self.folder.checkpoint)
        self.folder.close()
        return self.folder.checkpoint

    def _checkpoint(self, metrics: dict[str, float]) -> Checkpoint:
        weights = weights_of(self.classifier, self.trainer.transfer, self.judge)
        settings = self.settings
        job = self.folder.words
        return Checkpoint(weights, self.classes, settings.width, settings.variant, job, metrics)

    def _save_state(self) -> None:
        self.folder.save(
            {
                "history": self.history.model_dump_json(),
                "classifier": self.classifier.state_dict(),
                "judge": self.judge.state_dict() if self.judge else None,
                "trainer": self.trainer.state(),
            }
        )


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
