"""From a training job to a checkpoint, in as many tries as it takes.

First f learns to classify S, and the judge to classify T; then f is frozen, and g and D are
trained. Every epoch draws from random streams that depend on the seed and its own number alone:
a training that was interrupted ends in the same weights as one that was not (on the same device,
with the same number of threads).
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from harness.errors import DataError, MethodError
from harness.files import write_bytes, write_json
from harness.method import TrainJob
from reference import weights_file
from reference.dtn.checkpoint import Checkpoint, read_checkpoint, weights_of
from reference.dtn.classify import build_f, build_judge, fit
from reference.dtn.data import Domains, load_domains
from reference.dtn.metrics import judged
from reference.dtn.networks import Classifier
from reference.dtn.settings import Settings
from reference.dtn.structure import DIGITS
from reference.dtn.trainer import Trainer

STATE_NAME = "state.pt"
HISTORY_NAME = "history.json"
# What is left of a training that diverged.
LAST_GOOD_NAME = "last_good.safetensors"
DEFAULT_EPOCHS = 6

History = list[dict[str, float]]


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
    words = describe(job, settings, domains)
    target = job.out / weights_file.FILE_NAME
    if target.is_file():
        _check_same(read_checkpoint(target).job, words, job.out)
        job.progress.say(f"{job.out} holds this very training, finished")
        return target
    return _Training(job, settings, domains, classes, words, source).run()


def describe(job: TrainJob, settings: Settings, domains: Domains) -> dict[str, Any]:
    """Return what makes one training differ from another, as JSON values."""
    return {
        "seed": job.seed,
        "epochs": job.epochs or DEFAULT_EPOCHS,
        "settings": asdict(settings),
        "data": domains.fingerprint,
        "init": hashlib.sha256(job.init.read_bytes()).hexdigest() if job.init else None,
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
        judge = build_judge(DIGITS, len(classes)) if domains.target.labels is not None else None
    common = job.seed, job.device, job.progress
    fit(classifier, domains.source, settings.f_epochs, settings.f_lr, *common, "Pretraining f on S")
    if judge:
        fit(
            judge,
            domains.target,
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
        job: TrainJob,
        settings: Settings,
        domains: Domains,
        classes: tuple[str, ...],
        words: dict[str, Any],
        source: Checkpoint | None,
    ) -> None:
        self.job, self.settings, self.domains = job, settings, domains
        self.classes, self.words, self.source = classes, words, source
        self.history: History = []

    def run(self) -> Path:
        state = self._found()
        self.classifier, self.judge = self._classifiers(state)
        self.trainer = Trainer(
            self.classifier.encoder, self.domains, self.settings, self.job.seed, self.job.device
        )
        if state:
            self.trainer.restore(state["trainer"])
            self.history = json.loads(state["history"])
            self.job.progress.say(f"going on in {self.job.out} after epoch {len(self.history)}")
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
        total = self.words["epochs"]
        with self.job.progress.task(f"Training {self.settings.variant} DTN", total) as task:
            task.advance(len(self.history))
            if not self.history:
                self._save_state()
            for number in range(len(self.history), total):
                terms = self._epoch(number)
                self.history.append(terms)
                self._save_state()
                task.advance(1, ", ".join(f"{name} {value:.3g}" for name, value in terms.items()))

    def _epoch(self, number: int) -> dict[str, float]:
        try:
            return self.trainer.run_epoch(number)
        except MethodError as error:
            state = self._found()
            assert state is not None
            self.trainer.restore(state["trainer"])
            self._checkpoint({}).save(self.job.out / LAST_GOOD_NAME)
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
        write_json(self.job.out / HISTORY_NAME, self.history)
        target = self.job.out / weights_file.FILE_NAME
        self._checkpoint(dict(metrics)).save(target)
        (self.job.out / STATE_NAME).unlink(missing_ok=True)
        return target

    def _checkpoint(self, metrics: dict[str, float]) -> Checkpoint:
        weights = weights_of(self.classifier, self.trainer.transfer, self.judge)
        settings = self.settings
        return Checkpoint(
            weights, self.classes, settings.width, settings.variant, self.words, metrics
        )

    def _save_state(self) -> None:
        buffer = io.BytesIO()
        state = {
            "job": json.dumps(self.words),
            "history": json.dumps(self.history),
            "classifier": self.classifier.state_dict(),
            "judge": self.judge.state_dict() if self.judge else None,
            "trainer": self.trainer.state(),
        }
        torch.save(state, buffer)
        write_bytes(self.job.out / STATE_NAME, buffer.getvalue())

    def _found(self) -> dict[str, Any] | None:
        path = self.job.out / STATE_NAME
        if not path.is_file():
            return None
        try:
            state = torch.load(path, map_location=self.job.device, weights_only=True)
        except Exception as error:  # torch raises nearly every type there is on damaged bytes
            raise MethodError(f"{path} is damaged: {error}", "delete it to train afresh") from error
        _check_same(json.loads(state["job"]), self.words, self.job.out)
        return dict(state)


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


def _check_same(found: dict[str, Any], wanted: dict[str, Any], folder: Path) -> None:
    different = sorted(name for name in wanted if found.get(name) != wanted[name])
    if different:
        raise MethodError(
            f"{folder} holds another training: {', '.join(different)} differ",
            "give another folder with --out, or delete this one",
        )
