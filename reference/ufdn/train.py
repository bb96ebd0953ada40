"""From a training job to a checkpoint, in as many tries as it takes; see `training.learning`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from harness.errors import MethodError
from harness.method import TrainJob
from reference.training.folder import TrainingFolder, words_of
from reference.training.folds import refuse_folds
from reference.training.learning import learn
from reference.training.record import Epochs, told
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

DEFAULT_EPOCHS = 120
# The weights of the epoch with the best accuracy on held-out targets, as the authors keep them.
BEST_NAME = "best.safetensors"


class History(Epochs):
    """All epochs so far, and what came of them.

    Attributes:
        accuracies: Of held-out pictures of the targets, an entry an epoch; none without labels.
    """

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
    refuse_folds(METHOD_NAME, job.fold)
    source = read_checkpoint(job.init) if job.init else None
    domains = load_domains(job.data, settings, job.progress)
    if source:
        check_start(source, settings, len(domains))
    if settings.look >= len(domains):
        raise MethodError(
            f"there is no domain with the place {settings.look}",
            f"--set look= takes 0 to {len(domains) - 1} with these data",
        )
    epochs = job.epochs or DEFAULT_EPOCHS
    folder = TrainingFolder(job, words_of(job, settings, domains.fingerprint, epochs=epochs))
    if folder.is_finished(METHOD_NAME):
        return folder.checkpoint
    trainer = Trainer(domains, settings, job.seed, epochs, job.device)
    if source:
        _start(trainer, source, domains)
    return _trained(folder, settings, domains, trainer)


def _start(trainer: Trainer, source: Checkpoint, domains: Domains) -> None:
    trainer.vae.load_state_dict(source.vae().state_dict())
    head = source.head()
    # Other classes than before are learnt afresh.
    if head is not None and source.classes == domains.classes:
        trainer.head.load_state_dict(head.state_dict())


def _trained(
    folder: TrainingFolder, settings: Settings, domains: Domains, trainer: Trainer
) -> Path:
    adapting = settings.form == ADAPTATION
    head = trainer.head if adapting else None

    def checkpoint(metrics: dict[str, float]) -> Checkpoint:
        weights, classes = weights_of(trainer.vae, head), domains.classes if adapting else ()
        return Checkpoint(weights, domains.names, classes, folder.words, metrics)

    def epoch(history: History) -> str:
        terms = trainer.run_epoch(history.done)
        found = digit_accuracies(trainer.vae.eval(), trainer.head, domains.test) if adapting else {}
        # Judged by the targets' held-out pictures, the best weights are kept apart.
        if "accuracy" in found:
            if found["accuracy"] > max(history.accuracies, default=-1.0):
                checkpoint(found).save(folder.job.out / BEST_NAME)
            history.accuracies.append(found["accuracy"])
        history.epochs.append(terms)
        return told(terms)

    history = learn(
        folder,
        trainer,
        History(),
        epoch,
        lambda path: checkpoint({}).save(path),
        title=f"Training UFDN, {settings.variant}",
        total=folder.words["epochs"],
    )
    trainer.head.cpu()
    metrics = judged(trainer.vae.cpu().eval(), head, domains)
    return folder.finish(history, checkpoint(metrics | history.best()))
