"""A training from its first stretch to its last, in as many tries as it takes.

A stretch is an epoch, or some steps in a row. Trainers draw each from a random stream that depends
on the seed and on where it begins alone, and take up their own state: so a training that was
interrupted ends in the same weights to the bit as one that was not (on the same device, with the
same number of threads).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from torch import Tensor

from harness.errors import MethodError
from reference.training.folder import LAST_GOOD_NAME, TrainingFolder
from reference.training.record import Record


class Trainer(Protocol):
    """Networks and optimisers, whatever they are."""

    def state(self) -> dict[str, Any]:
        """Return all that the next stretch starts from."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""


Kept = TypeVar("Kept", bound=Record)


def learn(
    folder: TrainingFolder,
    trainer: Trainer,
    history: Kept,
    stretch: Callable[[Kept], str | None],
    keep: Callable[[Path], None],
    *,
    title: str,
    total: int,
    beside: Mapping[str, Any] | None = None,
) -> Kept:
    """Train to the end, from where the folder's state leaves off; keep a state after each stretch.

    Args:
        folder: Of the training.
        trainer: As it is before the first stretch.
        history: As it is before the first stretch.
        stretch: Does what follows upon a history, adds it, and returns a line about it; or None
            where the training is to end early.
        keep: Writes the trainer's weights as a checkpoint.
        title: Of the task.
        total: Epochs or steps, whatever the history counts.
        beside: What else a state keeps.

    Returns:
        The whole history.

    Raises:
        MethodError: The state is damaged or of another training, or a stretch diverged; the weights
            before it are kept apart then.
    """
    history = _taken_up(folder, trainer, history)

    def save() -> None:
        state = {"history": history.model_dump_json(), "trainer": trainer.state()}
        folder.save({**state, **(beside or {})})

    if not history.done:
        save()
    with folder.job.progress.task(title, total) as task:
        task.advance(history.done)
        while (before := history.done) < total:
            try:
                note = stretch(history)
                _check_numbers(trainer.state())
            except MethodError as error:
                where = f"{history.unit} {before}"
                raise _with_last_good(error, folder, trainer, where, keep) from error
            if note is None:
                break
            save()
            task.advance(history.done - before, note)
    return history


def _taken_up(folder: TrainingFolder, trainer: Trainer, history: Kept) -> Kept:
    state = folder.state()
    if state is None:
        return history
    try:
        trainer.restore(state["trainer"])
        found = type(history).model_validate_json(state["history"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:  # of another version
        raise MethodError(
            f"{folder.job.out} holds a state that this version does not know: "
            f"{type(error).__name__}: {str(error).splitlines()[0]}",
            "delete it to train afresh",
        ) from error
    where = f"{found.unit} {found.done}"
    folder.job.progress.say(f"taking up the training in {folder.job.out} after {where}")
    return found


def _check_numbers(state: Any, name: str = "") -> None:  # noqa: ANN401  nested as a trainer likes
    """Look through the weights of a state, not through what its optimisers keep.

    Raises:
        MethodError: Some are no numbers any more.
    """
    if isinstance(state, Mapping):
        for key, part in state.items():
            if "optimizer" not in str(key):
                _check_numbers(part, str(key))
    elif isinstance(state, Tensor) and state.is_floating_point() and not state.isfinite().all():
        raise MethodError(
            f"the training diverged: {name} is no number any more",
            "give a lower learning rate with --set lr=, in another folder",
        )


def _with_last_good(
    error: MethodError,
    folder: TrainingFolder,
    trainer: Trainer,
    where: str,
    keep: Callable[[Path], None],
) -> MethodError:
    """Write the weights before a stretch that diverged, and say so in its error."""
    state = folder.state()
    assert state is not None
    trainer.restore(state["trainer"])
    keep(folder.last_good)
    return MethodError(
        f"{error.cause}; the weights of {where} are kept in {LAST_GOOD_NAME}", error.remedy
    )
