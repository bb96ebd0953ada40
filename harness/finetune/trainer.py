"""One fine-tuning in memory: what an epoch does, and the state that the next one starts from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from harness.errors import MethodError, UsageError
from harness.finetune.data import Lessons
from harness.finetune.loss import finetune_loss
from harness.finetune.module import TrainableProgram
from harness.progress import SILENT, Progress

JUDGING_BATCH = 32


@dataclass(frozen=True)
class Score:
    """How good a model is on some items.

    Attributes:
        loss: See `harness.finetune.loss`.
        accuracy: Share of items with the label's class; with the float model's class where there
            are no labels.
    """

    loss: float
    accuracy: float


@dataclass(frozen=True)
class Epoch:
    """One pass: the mean loss met while learning, and the score on what was kept back."""

    loss: float
    kept_back: Score


class DivergedError(MethodError):
    """The loss is no finite number any more."""


class Trainer:
    """Module, optimiser, and how an epoch moves them.

    Args:
        module: What is trained.
        learnt: What it learns from.
        kept_back: What it is judged by.
        lr: Learning rate of the first epoch; it falls to nothing along a cosine.
        epochs: Passes over the items, for the schedule.
        batch: Items a step.
        seed: Start of the order of items.
    """

    def __init__(
        self,
        module: TrainableProgram,
        learnt: Lessons,
        kept_back: Lessons,
        *,
        lr: float,
        epochs: int,
        batch: int,
        seed: int,
    ) -> None:
        self.module, self.learnt, self.kept_back = module, learnt, kept_back
        self.lr, self.epochs, self.batch, self.seed = lr, epochs, batch, seed
        self._optimizer = torch.optim.Adam(_unique_parameters(module), lr=lr)

    def run_epoch(self, number: int, progress: Progress = SILENT) -> Epoch:
        """Pass once over the items in random order, and judge.

        Args:
            number: Of the epoch, from 0: with the seed it decides the order.
            progress: Who hears of the steps.

        Raises:
            DivergedError: The loss is no finite number any more; it says where.
            UsageError: The device has too little memory.
        """
        stream = Generator().manual_seed((self.seed * 1_000_003 + number) % 2**63)
        order = torch.randperm(len(self.learnt), generator=stream)
        batches = torch.tensor_split(order, math.ceil(len(order) / self.batch))
        losses = []
        with progress.task(f"epoch {number + 1}", len(batches)) as task:
            for step, places in enumerate(batches):
                self._set_rate((number + step / len(batches)) / self.epochs)
                losses.append(self._checked_step(places, number, step))
                task.advance(1, f"loss {losses[-1]:.4f}")
        return Epoch(sum(losses) / len(losses), self.score(self.kept_back))

    @torch.no_grad()
    def score(self, items: Lessons) -> Score:
        """Return loss and accuracy on items."""
        parts = [self._logits(batch) for batch in torch.split(items.inputs, JUDGING_BATCH)]
        logits = torch.cat(parts).cpu()
        truth = items.logits.argmax(1) if items.labels is None else items.labels
        return Score(
            loss=finetune_loss(logits, items.logits, items.labels).item(),
            accuracy=(logits.argmax(1) == truth).float().mean().item(),
        )

    def state(self) -> dict[str, Any]:
        """Return all that the next epoch starts from."""
        return {"module": self.weights(), "optimizer": self._optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self.module.load_state_dict(state["module"])
        self._optimizer.load_state_dict(state["optimizer"])

    def weights(self) -> dict[str, Tensor]:
        """Return a copy of the module's parameters."""
        return {name: value.clone() for name, value in self.module.state_dict().items()}

    def _logits(self, inputs: Tensor) -> Tensor:
        first: Tensor = next(iter(self.module(inputs).values()))
        return first.flatten(1)

    def _set_rate(self, passed: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = self.lr * (1 + math.cos(math.pi * min(passed, 1.0))) / 2

    def _checked_step(self, places: Tensor, number: int, step: int) -> float:
        try:
            loss = self._step(self.learnt.at(places))
        except torch.OutOfMemoryError as error:
            raise UsageError(
                f"{self.batch} items a step take more memory than the device has",
                "take fewer with --batch",
            ) from error
        if not math.isfinite(loss):
            raise DivergedError(
                f"the loss is no number any more in step {step + 1} of epoch {number + 1}",
                "take a lower --lr",
            )
        return loss

    def _step(self, items: Lessons) -> float:
        logits = self._logits(items.inputs)
        labels = None if items.labels is None else items.labels.to(logits.device)
        loss = finetune_loss(logits, items.logits.to(logits.device), labels)
        self._optimizer.zero_grad()
        if torch.isfinite(loss):
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            self.module.confine()
        return loss.item()


def _unique_parameters(module: TrainableProgram) -> list[Tensor]:
    return list({id(one): one for one in module.parameters()}.values())
