"""From a compiled program and a classifier to a better program, in as many tries as it takes."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from harness.errors import MethodError, UsageError
from harness.finetune.balance import balance
from harness.finetune.data import Lessons, keep_back
from harness.finetune.module import TrainableProgram
from harness.finetune.state import STATE_FILE, Course, StateFile
from harness.finetune.trainer import DivergedError, Epoch, Trainer
from harness.kmodel.program import Program
from harness.progress import SILENT, Progress

# Of the items that are learnt from, as many measure how far the channels reach.
MEASURED = 128


@dataclass(frozen=True)
class Settings:
    """How to fine-tune.

    Attributes:
        epochs: Most passes over the items; with 0 only the channels are balanced.
        lr: Learning rate of the first step, in the units of `harness.finetune.parameters`.
        batch: Items a step.
        seed: Decides which items are kept back, and the order of the others.
        device: PyTorch device.
        patience: Passes without a better score on the items kept back before it stops.
        minutes: Time that this try may take; None for any.
    """

    epochs: int = 12
    lr: float = 0.0005
    batch: int = 16
    seed: int = 0
    device: str = "cpu"
    patience: int = 4
    minutes: float | None = None


@dataclass(frozen=True)
class Finetuned:
    """What came of it.

    Attributes:
        module: With the best parameters; those of the compiled program if none were better.
        balanced: With balanced channels and nothing else, where training went on from there.
        course: How it went.
        learnt: Items that it learnt from.
        kept_back: Items that it was judged by on the way.
    """

    module: TrainableProgram
    balanced: TrainableProgram | None
    course: Course
    learnt: int
    kept_back: Lessons


def finetune(
    program: Program,
    found: Lessons,
    settings: Settings,
    folder: Path,
    progress: Progress = SILENT,
) -> Finetuned:
    """Train a program, or go on with a training that is found in the folder.

    Args:
        program: As it was compiled.
        found: What it learns from; a fifth of each class is kept back to judge by.
        settings: How.
        folder: Where the state is kept behind every pass.
        progress: Who is told.

    Raises:
        MethodError: The loss is no number any more, or the folder holds another training.
        UsageError: The time or the memory does not suffice.
    """
    module = TrainableProgram(program, device=settings.device)
    learnt, kept_back = keep_back(found, settings.seed)
    trainer = Trainer(
        module,
        learnt,
        kept_back,
        lr=settings.lr,
        epochs=settings.epochs,
        batch=settings.batch,
        seed=settings.seed,
    )
    state = StateFile(folder / STATE_FILE, _identity(program, found, settings))
    course = _resume(state, trainer, settings, progress) or _begin(trainer, progress)
    _run(trainer, course, state, settings, progress)
    module.load_state_dict(course.weights or TrainableProgram(program).state_dict())
    balanced = None
    if course.balanced is not None and course.best > 0:
        balanced = TrainableProgram(program, device=settings.device)
        balance(balanced, _measured(learnt))
    return Finetuned(module, balanced, course, len(learnt), kept_back)


def _begin(trainer: Trainer, progress: Progress) -> Course:
    """Balance the channels, unless the items kept back say that it does harm."""
    module, learnt, kept_back = trainer.module, trainer.learnt, trainer.kept_back
    start, compiled = trainer.score(kept_back), trainer.weights()
    if balance(module, _measured(learnt)):
        balanced = trainer.score(kept_back)
        if balanced.loss < start.loss:
            progress.say(f"balanced channels: loss {start.loss:.3f} -> {balanced.loss:.3f}")
            return Course(start, balanced, weights=trainer.weights())
        module.load_state_dict(compiled)
    return Course(start)


def _measured(learnt: Lessons) -> Tensor:
    """Return the items, uint8 [N, C, H, W], by which channels are balanced."""
    places = np.linspace(0, len(learnt) - 1, min(MEASURED, len(learnt))).round().astype(int)
    return learnt.at(places).inputs


def _run(
    trainer: Trainer, course: Course, state: StateFile, settings: Settings, progress: Progress
) -> None:
    started = time.monotonic()
    with progress.task("Fine-tuning", settings.epochs) as task:
        task.advance(len(course.epochs))
        while len(course.epochs) < settings.epochs:
            number = len(course.epochs)
            if number - course.best >= settings.patience:
                progress.say(f"stopped early, after {number} of {settings.epochs} epochs")
                return
            _check_time(started, number, settings, state)
            course.add(_epoch(trainer, number, state, progress), trainer.weights())
            state.write(course, trainer.state())
            task.advance(1, _note(course.epochs[-1]))


def _epoch(trainer: Trainer, number: int, state: StateFile, progress: Progress) -> Epoch:
    try:
        return trainer.run_epoch(number, progress)
    except DivergedError as error:
        kept = f"; the state behind epoch {number} is kept in {state.path}" if number else ""
        remedy = "give a lower --lr; the same command then goes on" if number else error.remedy
        raise MethodError(f"{error.cause}{kept}", remedy) from error


def _check_time(started: float, number: int, settings: Settings, state: StateFile) -> None:
    minutes = settings.minutes
    if minutes is not None and time.monotonic() - started > 60 * minutes:
        kept = f"; what was learnt is kept in {state.path}" if number else ""
        raise UsageError(
            f"{minutes:g} minutes are over behind epoch {number} of {settings.epochs}{kept}",
            "the same command goes on, or give more --minutes",
        )


def _resume(
    state: StateFile, trainer: Trainer, settings: Settings, progress: Progress
) -> Course | None:
    read = state.read(settings.device)
    if read is None:
        return None
    course, kept = read
    trainer.restore(kept)
    progress.say(f"going on with {state.path} behind epoch {len(course.epochs)}")
    return course


def _identity(program: Program, found: Lessons, settings: Settings) -> dict[str, object]:
    """Return what may not change when a training goes on; the learning rate may."""
    return {
        "kmodel": hashlib.sha256(program.data.tobytes()).hexdigest(),
        "data": hashlib.sha256(found.inputs.numpy().tobytes()).hexdigest(),
        "epochs": settings.epochs,
        "batch": settings.batch,
        "seed": settings.seed,
    }


def _note(epoch: Epoch) -> str:
    kept = epoch.kept_back
    return f"loss {epoch.loss:.3f}; kept back {kept.loss:.3f}, accuracy {kept.accuracy:.3f}"
