"""One training in memory: the steps of D and g, and the state that an epoch starts from."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor, nn

from harness.errors import MethodError
from reference.dtn import losses
from reference.dtn.classify import to_floats
from reference.dtn.data import Domains, check_images
from reference.dtn.networks import (
    Discriminator,
    DomainTransfer,
    Encoder,
    PlainTransfer,
)
from reference.dtn.networks import Generator as Upscaler
from reference.dtn.settings import BASELINE, Settings

# As in DCGAN and most GANs since.
ADAM_BETAS = (0.5, 0.999)

Terms = dict[str, Tensor]


class Trainer:
    """G, D, their optimisers, and how an epoch moves them: one step of D, one of G, in turn.

    Args:
        f: The pretrained encoder; its weights are frozen.
        domains: Pictures of both domains.
        settings: How to train.
        seed: Start of the random streams.
        device: PyTorch device name.

    Raises:
        DataError: The pictures have another size or mode than the networks take.

    Attributes:
        transfer: G: g ∘ f, or the baseline's network.
        discriminator: D.
    """

    def __init__(
        self, f: Encoder, domains: Domains, settings: Settings, seed: int, device: str
    ) -> None:
        check_images(domains.source.images, settings.structure.source, "S")
        check_images(domains.target.images, settings.structure.target, "T")
        self.settings, self.seed, self.device = settings, seed, device
        self.f = f.requires_grad_(False).to(device).eval()
        self._source = torch.from_numpy(domains.source.images).to(device)
        self._target = torch.from_numpy(domains.target.images).to(device)
        self.batch = min(settings.batch, len(self._source), len(self._target))
        self.steps = len(self._source) // self.batch
        self.transfer, self.discriminator = _networks(f, settings, seed, device)
        self._g_optimizer = _optimizer(self.transfer, settings.lr)
        self._d_optimizer = _optimizer(self.discriminator, settings.d_lr)

    def run_epoch(self, epoch: int) -> dict[str, float]:
        """Pass once over S, and over as much of T.

        Args:
            epoch: Number of the epoch, from 0.

        Returns:
            The mean of each term.

        Raises:
            MethodError: A term is no finite number any more; the message names it.
        """
        stream_seed = (self.seed * 1_000_003 + epoch) % 2**63
        stream = Generator().manual_seed(stream_seed)
        places = zip(self._order(self._source, stream), self._order(self._target, stream))  # noqa: B905  as many as S has
        self.transfer.train()
        self.discriminator.train()
        with torch.random.fork_rng():
            torch.manual_seed(stream_seed)
            found = [self.step(self._source[s], self._target[t], epoch) for s, t in places]
        return {
            name: torch.stack([terms[name] for terms in found]).mean().item() for name in found[0]
        }

    def step(self, source: Tensor, target: Tensor, epoch: int = 0) -> Terms:
        """Move D, then G, on a batch of bytes from each domain; return the terms."""
        s, t = to_floats(source), to_floats(target)
        return self._baseline(s, t, epoch) if self._plain else self._dtn(s, t, epoch)

    def state(self) -> dict[str, Any]:
        """Return all that the next epoch starts from."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    @property
    def _plain(self) -> bool:
        return self.settings.variant == BASELINE

    def _parts(self) -> dict[str, Any]:
        return {
            "transfer": self.transfer,
            "discriminator": self.discriminator,
            "g_optimizer": self._g_optimizer,
            "d_optimizer": self._d_optimizer,
        }

    def _order(self, images: Tensor, stream: Generator) -> list[Tensor]:
        """Return one batch of places a step; a domain that is too small is gone through again."""
        wanted = self.steps * self.batch
        rounds = -(-wanted // len(images))
        order = torch.cat([torch.randperm(len(images), generator=stream) for _ in range(rounds)])
        return list(torch.split(order[:wanted].to(self.device), self.batch))

    def _blurred_view(self, pictures: Tensor) -> Tensor:
        """Return D's logits for pictures behind noise, which hides what g gets wrong by a hair."""
        noise = self.settings.d_noise * torch.randn_like(pictures)
        return self.discriminator(pictures + noise)  # type: ignore[no-any-return]

    def _dtn(self, s: Tensor, t: Tensor, epoch: int) -> Terms:
        assert isinstance(self.transfer, DomainTransfer)
        d, weights = self._blurred_view, self.settings.weights
        of_s, of_t = self.transfer.together(s, t)
        d_loss = losses.l_d(d(of_s.detach()), d(of_t.detach()), d(t))
        self._descend("L_D", d_loss, self._d_optimizer, epoch)
        with _frozen(self.discriminator):
            terms = {
                "L_GANG": losses.l_gang(d(of_s), d(of_t)),
                "L_CONST": losses.l_const(self.f(s), self.f(of_s)),
                "L_TID": losses.l_tid(t, of_t),
                "L_TV": losses.l_tv(torch.cat([of_s, of_t])),
            }
        total = losses.l_g(**_arguments(terms), weights=weights)
        self._check(terms | {"L_G": total}, epoch)
        self._descend("L_G", total, self._g_optimizer, epoch)
        return {"L_D": d_loss.detach(), **{name: term.detach() for name, term in terms.items()}}

    def _baseline(self, s: Tensor, t: Tensor, epoch: int) -> Terms:
        d = self._blurred_view
        of_s = self.transfer(s)
        d_loss = losses.r_gan_d(d(of_s.detach()), d(t))
        self._descend("R_GAN", d_loss, self._d_optimizer, epoch)
        with _frozen(self.discriminator):
            terms = {
                "R_GAN of G": losses.r_gan_g(d(of_s)),
                "R_CONST": losses.l_const(self.f(s), self.f(of_s)),
            }
        self._check(terms, epoch)
        total = terms["R_GAN of G"] + self.settings.weights.alpha * terms["R_CONST"]
        self._descend("R", total, self._g_optimizer, epoch)
        return {"R_GAN": d_loss.detach(), **{name: term.detach() for name, term in terms.items()}}

    def _descend(
        self, name: str, loss: Tensor, optimizer: torch.optim.Optimizer, epoch: int
    ) -> None:
        self._check({name: loss}, epoch)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    def _check(self, terms: Terms, epoch: int) -> None:
        broken = losses.not_finite(terms)
        if broken:
            raise MethodError(
                f"the training diverged in epoch {epoch + 1}: {broken} is no number any more",
                "give a lower rate, such as --set lr=0.0002, in another folder",
            )


class _frozen:  # noqa: N801  read as a word: with _frozen(d)
    """Keep gradients from a network's weights, though not from what goes through it."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def __enter__(self) -> None:
        self.network.requires_grad_(False)

    def __exit__(self, *_: object) -> None:
        self.network.requires_grad_(True)


def _networks(
    f: Encoder, settings: Settings, seed: int, device: str
) -> tuple[nn.Module, Discriminator]:
    structure, plain = settings.structure, settings.variant == BASELINE
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        transfer: nn.Module = (
            PlainTransfer(structure) if plain else DomainTransfer(f, Upscaler(structure))
        )
        discriminator = Discriminator(structure, logits=1 if plain else 3)
    return transfer.to(device), discriminator.to(device)


def _optimizer(network: nn.Module, lr: float) -> torch.optim.Adam:
    learning = [weight for weight in network.parameters() if weight.requires_grad]
    return torch.optim.Adam(learning, lr=lr, betas=ADAM_BETAS)


def _arguments(terms: Terms) -> Terms:
    """Return L_G's terms by the names of its arguments: L_GANG → gang."""
    return {name.removeprefix("L_").lower(): term for name, term in terms.items()}
