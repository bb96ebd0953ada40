"""One training in memory: the steps of the auto-encoder and of the discriminator, in turn."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Generator, Tensor, nn

from harness.errors import MethodError
from reference.content_transfer import losses
from reference.content_transfer.data import Pictures, as_floats
from reference.content_transfer.networks import ContentTransfer, Discriminator
from reference.content_transfer.settings import LEFT_OUT, Settings

ADAM_BETAS = (0.5, 0.999)
# Longest gradient of either side, as in the authors' code.
LONGEST_GRADIENT = 5.0

Terms = dict[str, Tensor]


class Trainer:
    """Networks, optimisers, and how a step moves them.

    Args:
        pictures: The two domains.
        settings: How to train.
        seed: Start of weights and random streams.
        device: PyTorch device name.

    Attributes:
        networks: E1, E2 and decoder.
        discriminator: D, of E1's codes.
    """

    def __init__(
        self, pictures: Pictures, settings: Settings, seed: int, device: str = "cpu"
    ) -> None:
        self.settings, self.seed, self.device = settings, seed, device
        self.left_out = LEFT_OUT[settings.variant]
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            networks = ContentTransfer(settings.structure)
            discriminator = Discriminator(settings.structure)
        self.networks = networks.to(device).train()
        self.discriminator = discriminator.to(device).train()
        self._plain = torch.from_numpy(pictures.plain.images).to(device)
        self._content = torch.from_numpy(pictures.content.images).to(device)
        self._optimizer = _optimizer(self.networks, settings.lr)
        self._d_optimizer = _optimizer(self.discriminator, settings.d_lr)

    def run(self, start: int, stop: int) -> dict[str, float]:
        """Do the steps from `start`, counted from 0, to `stop`; return the mean of each term.

        Raises:
            MethodError: A term or a weight is no finite number any more; the message says which.
        """
        stream = Generator().manual_seed((self.seed * 1_000_003 + start) % 2**63)
        found = []
        for number in range(start, stop):
            self._schedule(number)
            a, b = self._batch(self._plain, stream), self._batch(self._content, stream)
            found.append(self.step(a, b))
        values = torch.stack([torch.stack(list(terms.values())) for terms in found])
        self._check(list(found[0]), values, start, stop)
        means = [math.fsum(column) / len(column) for column in values.T.tolist()]
        return dict(zip(found[0], means, strict=True))

    def step(self, a: Tensor, b: Tensor) -> Terms:
        """Move E1, E2 and decoder, then D, on a batch of each domain; return the terms.

        Args:
            a: Pictures of A, float32 [N, 3, side, side] in -1 to 1.
            b: Pictures of B.
        """
        terms = self.auto_encoder_step(a, b)
        if self.left_out != "L_DC":
            terms |= self.discriminator_step(a, b)
        return terms

    def auto_encoder_step(self, a: Tensor, b: Tensor) -> Terms:
        """Update E1, E2 and the decoder by the sum of losses, less what the variant leaves out."""
        made = self.networks.both(a, b)
        terms = {
            "L_rec^A": losses.l_rec_a(made.plain, a),
            "L_rec^B": losses.l_rec_b(made.content, b),
        }
        if self.left_out != "L_DC":
            with _frozen(self.discriminator):
                d = self.discriminator
                terms["L_DC"] = losses.l_dc(d(made.plain_code), d(made.content_code))
        none = torch.zeros((), device=self.device)
        kept = {name: none if name == self.left_out else term for name, term in terms.items()}
        total = losses.l_ae(
            kept["L_rec^A"], kept["L_rec^B"], kept.get("L_DC", none), self.settings.confusion
        )
        _update(self._optimizer, self.networks, total)
        return {name: term.detach() for name, term in terms.items()}

    def discriminator_step(self, a: Tensor, b: Tensor) -> Terms:
        """Update D on the codes that E1, just updated, gives; no gradient reaches E1."""
        with torch.no_grad():
            codes = self.networks.e1(torch.cat([a, b]))
        loss = losses.l_d(self.discriminator(codes[: len(a)]), self.discriminator(codes[len(a) :]))
        _update(self._d_optimizer, self.discriminator, loss)
        return {"L_D": loss.detach()}

    def state(self) -> dict[str, Any]:
        """Return all that the next step starts from."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        return {
            "networks": self.networks,
            "discriminator": self.discriminator,
            "optimizer": self._optimizer,
            "d_optimizer": self._d_optimizer,
        }

    def _schedule(self, number: int) -> None:
        """Let the auto-encoder's learning rate fall along half a cosine; D's stays.

        So a short training ends calm, with a discriminator that has caught up.
        """
        share = (1 + math.cos(math.pi * number / self.settings.steps)) / 2
        for group in self._optimizer.param_groups:
            group["lr"] = share * self.settings.lr

    def _batch(self, images: Tensor, stream: Generator) -> Tensor:
        """Return pictures drawn by chance, half of them mirrored."""
        count = self.settings.batch
        places = torch.randint(len(images), (count,), generator=stream).to(images.device)
        mirrored = (torch.rand(count, generator=stream) < 0.5).to(images.device)
        chosen = as_floats(images[places])
        return torch.where(mirrored[:, None, None, None], chosen.flip(3), chosen)

    def _check(self, names: list[str], values: Tensor, start: int, stop: int) -> None:
        # Once a row: asking after every step would make a fast device wait.
        bad = (~torch.isfinite(values)).nonzero()
        if len(bad):
            step, term = bad[0].tolist()
            raise _diverged(f"{names[term]} is no number any more", start + step + 1)
        for name, network in (("networks", self.networks), ("discriminator", self.discriminator)):
            if not all(torch.isfinite(weight).all() for weight in network.parameters()):
                raise _diverged(f"weights of the {name} are no numbers any more", stop)


def _diverged(what: str, step: int) -> MethodError:
    return MethodError(
        f"the training diverged at step {step}: {what}",
        "give a lower learning rate, such as --set lr=0.0002, in another folder",
    )


def _optimizer(network: nn.Module, lr: float) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=lr, betas=ADAM_BETAS)


def _update(optimizer: torch.optim.Optimizer, network: nn.Module, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), LONGEST_GRADIENT)
    optimizer.step()


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    """Keep gradients from a network's weights, not from what goes through it."""
    network.requires_grad_(False)
    yield
    network.requires_grad_(True)
