"""One training in memory: what an epoch does, and the state that the next one starts from."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from harness.errors import MethodError
from reference.coin_classifier.augment import Augmentation
from reference.coin_classifier.data import Pictures, Side
from reference.coin_classifier.history import Epoch, Score
from reference.coin_classifier.losses import soft_cross_entropy, soft_targets
from reference.coin_classifier.networks import MobileNetV1
from reference.coin_classifier.schedule import learning_rate
from reference.coin_classifier.settings import Settings
from reference.training.average import follow

EVALUATION_BATCH = 64


class Trainer:
    """Network, running average and optimiser, and how an epoch moves them.

    Args:
        network: The network to train, with its start weights.
        pictures: Training and validation pictures.
        settings: How to train.
        epochs: Length of the whole training, for the schedule.
        seed: Start of the random streams.
        device: PyTorch device name.

    Attributes:
        network: The weights that learn.
        average: Their running average, batch-norm statistics included: what is kept in the end.
    """

    def __init__(
        self,
        network: MobileNetV1,
        pictures: Pictures,
        settings: Settings,
        epochs: int,
        seed: int,
        device: str,
    ) -> None:
        self.network = _channels_last(network.to(device))
        self.average = copy.deepcopy(self.network)
        self.settings, self.epochs, self.seed, self.device = settings, epochs, seed, device
        self._images, self._labels = pictures.train.tensors(device)
        self._valid = pictures.valid
        self._classes = len(pictures.classes)
        self._steps = math.ceil(len(self._images) / settings.batch)
        self._optimizer = _optimizer(self.network, settings)
        self._augment = Augmentation()

    def run_epoch(self, epoch: int) -> Epoch:
        """Pass once over the training pictures in random order, and judge the average.

        Args:
            epoch: Number of the epoch, from 0.

        Raises:
            MethodError: The loss is no finite number any more.
        """
        stream = Generator().manual_seed(_stream_seed(self.seed, epoch))
        order = torch.randperm(len(self._images), generator=stream)
        batches = torch.tensor_split(order, self._steps)
        with torch.random.fork_rng():
            torch.manual_seed(_stream_seed(self.seed, epoch))
            results = [
                self._step(batch.to(self.device), epoch * self._steps + step, stream)
                for step, batch in enumerate(batches)
            ]
        losses, hits = (torch.stack(values) for values in zip(*results, strict=True))
        if not torch.isfinite(losses).all():
            raise MethodError(
                f"the training diverged in epoch {epoch + 1}: its loss is no number any more",
                "give a lower learning rate, such as --set lr=0.001, in another folder",
            )
        train = Score(loss=losses.mean().item(), accuracy=hits.mean().item())
        return Epoch(train=train, valid=self.score(self._valid))

    def score(self, side: Side) -> Score:
        """Return the average's cross-entropy and accuracy on pictures as they are."""
        labels = torch.from_numpy(side.labels)
        logits = predict(self.average, side, self.device)
        hits = np.float32((logits.argmax(dim=1) == labels).sum().item() / len(labels))
        return Score(loss=F.cross_entropy(logits, labels).item(), accuracy=float(hits))

    def state(self) -> dict[str, Any]:
        """Return all that the next epoch starts from."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])

    def _step(self, batch: Tensor, step: int, stream: Generator) -> tuple[Tensor, Tensor]:
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self.settings.lr, step / (self.epochs * self._steps))
        labels = self._labels[batch]
        images = self._augment(self._images[batch], stream)
        self.network.train()
        logits = self.network(images.contiguous(memory_format=torch.channels_last))
        targets = soft_targets(labels, self._classes, self.settings.smoothing)
        loss = soft_cross_entropy(logits, targets)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        follow(self.average, self.network, step, self.settings.average)
        return loss.detach(), (logits.argmax(dim=1) == labels).float().mean()


def predict(network: torch.nn.Module, side: Side, device: str = "cpu") -> Tensor:
    """Return a network's logits for all pictures of a side, float32 [N, classes] on the CPU."""
    network.eval()
    images, _ = side.tensors()
    with torch.no_grad():
        batches = [
            network(batch.to(device).float() / 255).cpu()
            for batch in torch.split(images, EVALUATION_BATCH)
        ]
    return torch.cat(batches)


def _channels_last(network: MobileNetV1) -> MobileNetV1:
    # A third faster on CPUs.
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _optimizer(network: MobileNetV1, settings: Settings) -> torch.optim.Optimizer:
    decayed = [weight for weight in network.parameters() if weight.ndim > 1]
    kept = [weight for weight in network.parameters() if weight.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.lr)


def _stream_seed(seed: int, epoch: int) -> int:
    return (seed * 1_000_003 + epoch) % 2**63
