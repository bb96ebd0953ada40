"""Algorithm 1: the refiner alone, the discriminator alone, then K_g and K_d updates in turn."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Generator, Tensor, nn

from harness.errors import MethodError
from reference.blocks.image_pool import ImagePool
from reference.simgan.checkpoint import Networks
from reference.simgan.data import Pictures, as_floats
from reference.simgan.history import Row
from reference.simgan.losses import (
    TRANSFORMS,
    local_adversarial,
    probability,
    realism,
    self_regularization,
)
from reference.simgan.settings import Settings

Terms = dict[str, Tensor]

SELF_REGULARIZATION = "self-regularisation"
REALISM = "realism (local adversarial loss of the refiner)"
REFINED_TERM = "discriminator's loss on refined pictures"
REAL_TERM = "discriminator's loss on real pictures"
ACCURACY = "discriminator's accuracy"


class Trainer:
    """Networks, optimisers and history buffer, and how a step moves them.

    Args:
        networks: Refiner and discriminator, with their start weights.
        pictures: The two domains.
        settings: How to train.
        seed: Start of the random streams.
        device: PyTorch device name.
        pretrain: Whether each network is trained alone before the game.
    """

    def __init__(
        self,
        networks: Networks,
        pictures: Pictures,
        settings: Settings,
        seed: int,
        device: str = "cpu",
        *,
        pretrain: bool = True,
    ) -> None:
        self.networks, self.settings, self.seed = networks, settings, seed
        self.refiner = networks.refiner.to(device).train()
        self.discriminator = networks.discriminator.to(device).train()
        self.pool = ImagePool(settings.history) if settings.history else None
        self._synthetic = torch.from_numpy(pictures.synthetic.images).to(device)
        self._real = torch.from_numpy(pictures.real.images).to(device)
        self._alone = (settings.refiner_steps, settings.discriminator_steps) if pretrain else (0, 0)
        self._refiner_optimizer = _optimizer(self.refiner, settings)
        self._discriminator_optimizer = _optimizer(self.discriminator, settings)

    @property
    def total(self) -> int:
        """Number of steps of all phases."""
        return sum(self._alone) + self.settings.steps

    def phase(self, number: int) -> str:
        """Return what step `number`, from 0, belongs to."""
        if number < self._alone[0]:
            return "refiner"
        return "discriminator" if number < sum(self._alone) else "game"

    def boundary(self, number: int, most: int) -> int:
        """Return where a row that begins at step `number` ends: within its phase."""
        ends = (self._alone[0], sum(self._alone), self.total)
        return min(number + most, next(end for end in ends if end > number))

    def run(self, start: int, stop: int) -> Row:
        """Do some steps of one phase.

        Raises:
            MethodError: A term or a weight is no finite number any more; the message says which.
        """
        stream = Generator().manual_seed((self.seed * 1_000_003 + start) % 2**63)
        found = [
            (number, name, value)
            for number in range(start, stop)
            for update in self.step(number, stream)
            for name, value in update.items()
        ]
        values = torch.stack([value for _, _, value in found])
        self._check(found, values, stop)
        terms: dict[str, list[float]] = {}
        for (_, name, _), value in zip(found, values.tolist(), strict=True):
            terms.setdefault(name, []).append(value)
        means = {name: math.fsum(many) / len(many) for name, many in terms.items()}
        return Row(step=stop, phase=self.phase(start), terms=means)

    def step(self, number: int, stream: Generator) -> list[Terms]:
        """Do step `number` of all phases; return the terms of each update, in order."""
        phase = self.phase(number)
        if phase == "refiner":
            return [self.refiner_step(stream, adversarial=False)]
        if phase == "discriminator":
            return [self.discriminator_step(stream)]
        return [
            *(self.refiner_step(stream) for _ in range(self.settings.kg)),
            *(self.discriminator_step(stream) for _ in range(self.settings.kd)),
        ]

    def refiner_step(self, stream: Generator, *, adversarial: bool = True) -> Terms:
        """Update θ by equation (4), or by its self-regularisation alone."""
        synthetic = self._sample(self._synthetic, stream)
        refined = self.refiner(synthetic)
        transform = TRANSFORMS[self.settings.transform]
        terms = {SELF_REGULARIZATION: self_regularization(refined, synthetic, transform)}
        # Alone, it is the whole loss, and its weight only a factor of the learning rate.
        loss = terms[SELF_REGULARIZATION]
        if adversarial:
            self.discriminator.requires_grad_(False)
            terms[REALISM] = realism(self.discriminator(refined))
            self.discriminator.requires_grad_(True)
            loss = terms[REALISM] + self.settings.weight * loss
        _update(self._refiner_optimizer, loss)
        return {name: term.detach() for name, term in terms.items()}

    def discriminator_step(self, stream: Generator) -> Terms:
        """Update φ by equation (2), half of the refined pictures being from the history."""
        with torch.no_grad():
            refined = self.refiner(self._sample(self._synthetic, stream))
            mixed = self.pool.mix(refined, stream) if self.pool is not None else refined
        real = self._sample(self._real, stream)
        logits, real_logits = self.discriminator(mixed), self.discriminator(real)
        refined_term = local_adversarial(logits, True)
        real_term = local_adversarial(real_logits, False)
        _update(self._discriminator_optimizer, refined_term + real_term)
        return {
            REFINED_TERM: refined_term.detach(),
            REAL_TERM: real_term.detach(),
            ACCURACY: accuracy(logits.detach(), real_logits.detach()),
        }

    def state(self) -> dict[str, Any]:
        """Return all that the next step starts from."""
        return {
            "refiner": self.refiner.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "refiner_optimizer": self._refiner_optimizer.state_dict(),
            "discriminator_optimizer": self._discriminator_optimizer.state_dict(),
            "pool": None if self.pool is None else self.pool.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self.refiner.load_state_dict(state["refiner"])
        self.discriminator.load_state_dict(state["discriminator"])
        self._refiner_optimizer.load_state_dict(state["refiner_optimizer"])
        self._discriminator_optimizer.load_state_dict(state["discriminator_optimizer"])
        if self.pool is not None:
            self.pool.restore(state["pool"])

    def _sample(self, images: Tensor, stream: Generator) -> Tensor:
        places = torch.randint(len(images), (self.settings.batch,), generator=stream)
        return as_floats(images[places.to(images.device)])

    def _check(self, found: list[tuple[int, str, Tensor]], values: Tensor, stop: int) -> None:
        # Once a row: asking after every step would make a fast device wait.
        bad = (~torch.isfinite(values)).nonzero()
        if len(bad):
            number, name, _ = found[int(bad[0])]
            raise _diverged(f"the {name} is no number any more", number + 1)
        for name, network in (("refiner", self.refiner), ("discriminator", self.discriminator)):
            if not all(torch.isfinite(weight).all() for weight in network.parameters()):
                raise _diverged(f"weights of the {name} are no numbers any more", stop)


def accuracy(refined_logits: Tensor, real_logits: Tensor) -> Tensor:
    """Return the share of places that the discriminator judges rightly, both kinds alike."""
    right = (probability(refined_logits) > 0.5).float().mean()
    return (right + (probability(real_logits) <= 0.5).float().mean()) / 2


def _diverged(what: str, step: int) -> MethodError:
    return MethodError(
        f"the training diverged at step {step}: {what}",
        "give a lower learning rate, such as --set lr=0.0001, in another folder",
    )


def _optimizer(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    if settings.optimizer == "sgd":
        return torch.optim.SGD(network.parameters(), lr=settings.lr)
    return torch.optim.Adam(network.parameters(), lr=settings.lr, betas=(0.5, 0.999))


def _update(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
