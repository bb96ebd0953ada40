"""From a training job to a checkpoint, in as many tries as it takes.

Every epoch draws from random streams that depend on the seed and its own number alone: a training
that was interrupted ends in the same weights as one that was not (on the same device, with the
same number of threads).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import Field

from harness.errors import MethodError
from harness.method import TrainJob
from reference.training.folder import LAST_GOOD_NAME, TrainingFolder, sha256_of
from reference.training.record import Record
from reference.ufdn.checkpoint import (
    METHOD_NAME,
    Checkpoint,
    check_start,
    read_checkpoint,
    weights_of,
)
from reference.ufdn.data import Domains, load_domains
from reference.ufdn.metrics import digit_accuracies, judged
from reference.ufdn.settings import ADAPTATION, Settings
from reference.ufdn.trainer import Trainer

DEFAULT_EPOCHS = 45
# The weights of the epoch with the best accuracy on held-out targets, as the authors keep them.
BEST_NAME = "best.safetensors"


class History(Record):
    """All epochs so far.

    Attributes:
        epochs: The mean of each loss term, an entry an epoch.
        accuracies: Of held-out pictures of the targets, an entry an epoch; none without labels.
    """

    epochs: list[dict[str, float]] = Field(default_factory=list)
    accuracies: list[float] = Field(default_factory=list)

    def best(self) -> dict[str, float]:
        """Return the highest accuracy and its epoch, from 1, or nothing without accuracies."""
        if not self.accuracies:
            return {}
        best = max(self.accuracies)
        return {"best_accuracy": best, "best_epoch": float(self.accuracies.index(best) + 1)}


def train(job: TrainJob) -> Path:
    """Train UFDN; see `harness.method.Method.train`.

    Raises:
        DataError: A domain is missing, too small, or has classes that do not fit.
        MethodError: An option is wrong, `job.out` holds another training, the checkpoint to
            start from does not fit, or the training diverged.
    """
    settings = Settings.parse(job.options)
    if job.fold:
        raise MethodError("ufdn has no cross-validation", "leave out --folds")
    source = read_checkpoint(job.init) if job.init else None
    domains = load_domains(job.data, settings, job.progress)
    if source:
        check_start(source, settings, len(domains))
    if settings.look >= len(domains):
        raise MethodError(
            f"there is no domain with the place {settings.look}",
            f"--set look= takes 0 to {len(domains) - 1} with these data",
        )
    folder = TrainingFolder(job, describe(job, settings, domains))
    if folder.is_finished(METHOD_NAME):
        return folder.checkpoint
    return _Training(folder, settings, domains, source).run()


def describe(job: TrainJob, settings: Settings, domains: Domains) -> dict[str, Any]:
    """Return what makes one training differ from another, as JSON values."""
    return {
        "seed": job.seed,
        "epochs": job.epochs or DEFAULT_EPOCHS,
        "settings": asdict(settings),
        "data": domains.fingerprint,
        "init": sha256_of(job.init),
    }


class _Training:
    """One training with its folder, up to the finished checkpoint."""

    def __init__(
        self,
        folder: TrainingFolder,
        settings: Settings,
        domains: Domains,
        source: Checkpoint | None,
    ) -> None:
        self.folder, self.job = folder, folder.job
        self.settings, self.domains = settings, domains
        self.history = History()
        epochs = folder.words["epochs"]
        self.trainer = Trainer(domains, settings, self.job.seed, epochs, self.job.device)
        if source:
            self._start_from(source)

    def run(self) -> Path:
        state = self.folder.state()
        if state:
            self.trainer.restore(state["trainer"])
            self.history = History.model_validate_json(state["history"])
            done = len(self.history.epochs)
            self.job.progress.say(f"going on in {self.job.out} after epoch {done}")
        self._epochs()
        return self._finish()

    @property
    def _adapting(self) -> bool:
        return self.settings.form == ADAPTATION

    def _start_from(self, source: Checkpoint) -> None:
        self.trainer.vae.load_state_dict(source.vae().state_dict())
        head = source.head()
        # Other classes than before are learnt afresh.
        if head is not None and source.classes == self.domains.classes:
            self.trainer.head.load_state_dict(head.state_dict())

    def _epochs(self) -> None:
        epochs, total = self.history.epochs, self.folder.words["epochs"]
        with self.job.progress.task(f"Training UFDN, {self.settings.variant}", total) as task:
            task.advance(len(epochs))
            if not epochs:
                self._save_state()
            for number in range(len(epochs), total):
                epochs.append(self._epoch(number))
                self._keep_best()
                self._save_state()
                terms = (f"{name} {value:.3g}" for name, value in epochs[-1].items())
                task.advance(1, ", ".join(terms))

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

    def _keep_best(self) -> None:
        """Judge by the targets' held-out pictures, and keep the best weights apart."""
        if not self._adapting:
            return
        self.trainer.vae.eval()
        found = digit_accuracies(self.trainer.vae, self.trainer.head, self.domains.test)
        if "accuracy" not in found:
            return
        if found["accuracy"] > max(self.history.accuracies, default=-1.0):
            self._checkpoint(found).save(self.job.out / BEST_NAME)
        self.history.accuracies.append(found["accuracy"])

    def _finish(self) -> Path:
        vae, head = self.trainer.vae.cpu().eval(), self.trainer.head.cpu()
        metrics = judged(vae, head if self._adapting else None, self.domains)
        self.history.save(self.job.out)
        self._checkpoint(metrics | self.history.best()).save(self.folder.checkpoint)
        self.folder.close()
        return self.folder.checkpoint

    def _checkpoint(self, metrics: dict[str, float]) -> Checkpoint:
        head = self.trainer.head if self._adapting else None
        classes = self.domains.classes if self._adapting else ()
        weights = weights_of(self.trainer.vae, head)
        return Checkpoint(weights, self.domains.names, classes, self.folder.words, metrics)

    def _save_state(self) -> None:
        trainer = self.trainer.state()
        self.folder.save({"history": self.history.model_dump_json(), "trainer": trainer})
