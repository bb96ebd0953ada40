"""From a training job to a checkpoint, in as many tries as it takes; see `training.learning`."""

from __future__ import annotations

from pathlib import Path

from harness.method import TrainJob
from reference.stereonet.checkpoint import METHOD_NAME, Checkpoint, read_checkpoint
from reference.stereonet.data import Sides, load_sides
from reference.stereonet.metrics import judged
from reference.stereonet.settings import Settings
from reference.stereonet.trainer import Trainer, named
from reference.training.folder import TrainingFolder, words_of
from reference.training.folds import refuse_folds
from reference.training.learning import learn
from reference.training.record import Epochs
from reference.weights_file import weights_of

DEFAULT_EPOCHS = 8


class History(Epochs):
    """The mean of each level's loss, an entry an epoch; while the refiners wait, L_0 only."""


def train(job: TrainJob) -> Path:
    """Train StereoNet; see `harness.method.Method.train`.

    Raises:
        DataError: A pair is incomplete or too small, or nothing is known of its disparity.
        MethodError: An option is wrong, `job.out` holds another training, the checkpoint to
            start from does not fit, or the training diverged.
    """
    settings = Settings.parse(job.options)
    refuse_folds(METHOD_NAME, job.fold)
    source = read_checkpoint(job.init) if job.init else None
    if source:
        source.check(settings)
    sides = load_sides(job.data, settings, job.progress)
    if sides.remark:
        job.progress.say(sides.remark)
    epochs = job.epochs or DEFAULT_EPOCHS
    folder = TrainingFolder(job, words_of(job, settings, sides.fingerprint(), epochs=epochs))
    if folder.is_finished(METHOD_NAME):
        return folder.checkpoint
    trainer = Trainer(sides.train, settings, epochs, job.seed, job.device)
    if source:
        trainer.start_from(source.weights)
    return _trained(folder, settings, sides, trainer)


def _trained(folder: TrainingFolder, settings: Settings, sides: Sides, trainer: Trainer) -> Path:
    def epoch(history: History) -> str:
        history.epochs.append(trainer.run_epoch(history.done))
        return ", ".join(named(history.epochs[-1]))

    def checkpoint(metrics: dict[str, float]) -> Checkpoint:
        weights = weights_of({"": trainer.average})
        return Checkpoint(weights, settings.structure, folder.words, metrics)

    history = learn(
        folder,
        trainer,
        History(),
        epoch,
        lambda path: checkpoint({}).save(path),
        title="Training StereoNet",
        total=trainer.epochs,
    )
    network, test = trainer.average.cpu().eval(), sides.test
    # What nobody knows the truth of cannot judge.
    metrics = (
        judged(network, test.left, test.right, test.disparity) if test.disparity is not None else {}
    )
    return folder.finish(history, checkpoint(metrics))
