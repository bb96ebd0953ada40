"""One training in memory: the steps of D_feat, D_pix and the rest, in the authors' order."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from harness.errors import MethodError
from reference.ufdn import losses
from reference.ufdn.data import Domains, check_images, grey, labels_of
from reference.ufdn.networks import Disentangler, FeatureDiscriminator, PixelDiscriminator
from reference.ufdn.settings import IMAGES, INVERSION, OVER_PIXELS, SOURCE_ONLY, Settings

# Of the authors' configurations.
ADAM_BETAS = (0.5, 0.999)

Terms = dict[str, Tensor]


def to_floats(images: Tensor) -> Tensor:
    """Turn bytes into what the networks eat: uint8 → float32 in −1 to 1."""
    return images.float() / 127.5 - 1


class Trainer:
    """The networks, their optimisers, and how a step moves them.

    Args:
        domains: Pictures of all domains; the classes of the first are learnt, if there are any.
        settings: How to train.
        seed: Start of the random streams.
        epochs: Passes over the first domain, for the rate's decay.
        device: PyTorch device name.

    Raises:
        DataError: The pictures have another size or mode than the networks take.

    Attributes:
        vae: Encoder and decoder.
        head: Codes → logits of classes.
        d_feat: D_feat.
        d_pix: D_pix, which only the form for pictures trains.
    """

    def __init__(
        self, domains: Domains, settings: Settings, seed: int, epochs: int, device: str = "cpu"
    ) -> None:
        for name, side in zip(domains.names, domains.train, strict=True):
            check_images(side.images, settings.side, name)
        self.settings, self.seed, self.device = settings, seed, device
        used = domains.train[:1] if settings.variant == SOURCE_ONLY else domains.train
        self._images = [torch.from_numpy(side.images).to(device) for side in used]
        self._labels = torch.from_numpy(labels_of(domains.train[0])).to(device)
        self._grey = [grey(side) for side in used]
        self.batch = min(settings.batch, *(len(side) for side in domains.train))
        self.steps = len(domains.train[0]) // self.batch
        self.total = epochs * self.steps
        self._own = torch.eye(len(domains), device=device)[: len(used)]
        self._build(len(domains), len(domains.classes))

    def _build(self, domains: int, classes: int) -> None:
        settings, structure = self.settings, self.settings.structure(domains)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            self.vae = Disentangler(structure, settings.norm_scale).to(self.device)
            self.head = nn.Linear(structure.code, max(1, classes)).to(self.device)
            self.d_feat = FeatureDiscriminator(structure).to(self.device)
            self.d_pix = PixelDiscriminator(structure).to(self.device)
        learning = [*self.vae.parameters(), *self.head.parameters()]
        self._optimizer = torch.optim.Adam(learning, settings.lr, ADAM_BETAS)
        self._feat_optimizer = torch.optim.Adam(self.d_feat.parameters(), settings.d_lr, ADAM_BETAS)
        self._pix_optimizer = torch.optim.Adam(self.d_pix.parameters(), settings.d_lr, ADAM_BETAS)

    def run_epoch(self, epoch: int) -> dict[str, float]:
        """Pass once over the first domain, and over as much of the others.

        Args:
            epoch: Number of the epoch, from 0.

        Returns:
            The mean of each term.

        Raises:
            MethodError: A term is no finite number any more; the message names it.
        """
        stream_seed = (self.seed * 1_000_003 + epoch) % 2**63
        stream = Generator().manual_seed(stream_seed)
        orders = zip(*(self._order(len(images), stream) for images in self._images), strict=True)
        self.vae.train()
        with torch.random.fork_rng():
            torch.manual_seed(stream_seed)
            found = [
                self._drawn_step(places, epoch * self.steps + number, stream)
                for number, places in enumerate(orders)
            ]
        return {
            name: torch.stack([terms[name] for terms in found]).mean().item() for name in found[0]
        }

    def step(self, pictures: Tensor, labels: Tensor, number: int) -> Terms:
        """Move D_feat, D_pix if it is trained, and then all else, each on one batch.

        The authors' code encodes the batch anew for every term. As the encoder stands still
        until the end of the step, that is the same but for the norms' running statistics, which
        are moved once here.

        Args:
            pictures: As many of each domain, in their order, float32 [domains N, 3, S, S].
            labels: Classes, or `UNLABELLED`, int64 [domains N].
            number: Of the step, from 0.

        Returns:
            The terms, without their weights.
        """
        domains = self._own.repeat_interleave(len(pictures) // len(self._own), dim=0)
        others = self._others(domains, number)
        mean, log_variance = self.vae.encoder(pictures)
        code = (mean, log_variance)
        terms = self._move_d_feat(code, domains, number)
        if self.settings.form == IMAGES:
            terms |= self._move_d_pix(code, pictures, domains, others, number)
        return terms | self._move_vae(code, pictures, labels, domains, others, number)

    def state(self) -> dict[str, Any]:
        """Return all that the next epoch starts from."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        return {
            "vae": self.vae,
            "head": self.head,
            "d_feat": self.d_feat,
            "d_pix": self.d_pix,
            "optimizer": self._optimizer,
            "feat_optimizer": self._feat_optimizer,
            "pix_optimizer": self._pix_optimizer,
        }

    def _order(self, count: int, stream: Generator) -> list[Tensor]:
        """Return one batch of places a step; a domain that is too small is gone through again."""
        wanted = self.steps * self.batch
        rounds = -(-wanted // count)
        order = torch.cat([torch.randperm(count, generator=stream) for _ in range(rounds)])
        return list(torch.split(order[:wanted].to(self.device), self.batch))

    def _drawn_step(self, places: tuple[Tensor, ...], number: int, stream: Generator) -> Terms:
        drawn = []
        for images, chosen, uncoloured in zip(self._images, places, self._grey, strict=True):
            pictures = shifted(to_floats(images[chosen]), self.settings.shift, stream)
            inverted = self.settings.invert and uncoloured and number % 2
            drawn.append(-pictures if inverted else pictures)
        known = self._labels[places[0]]
        unknown = known.new_full(((len(places) - 1) * len(known),), losses.UNLABELLED)
        return self.step(torch.cat(drawn), torch.cat([known, unknown]), number)

    def _others(self, domains: Tensor, number: int) -> Tensor:
        """Return the domains that pictures are made for: the next, and in turn the one before."""
        return domains.roll(1 if number % 2 == 0 else -1, dims=1)

    def _move_d_feat(self, code: tuple[Tensor, Tensor], domains: Tensor, number: int) -> Terms:
        if not self.settings.weights.feat_domain.final:
            return {}
        for _ in range(self.settings.d_steps):
            codes = self.vae.sample(*code).detach()
            loss = losses.feature_discriminator(self.d_feat(codes), domains)
            self._descend({"D_feat": loss}, loss, self._feat_optimizer, number)
        return {"D_feat": loss.detach()}

    def _move_d_pix(
        self,
        code: tuple[Tensor, Tensor],
        pictures: Tensor,
        domains: Tensor,
        others: Tensor,
        number: int,
    ) -> Terms:
        with torch.no_grad():
            made = self.vae.decoder(self.vae.sample(*code), others)
        real_scores, logits = self.d_pix(pictures)
        shares = torch.rand(len(pictures), device=pictures.device)
        terms = {
            "D_pix": losses.pixel_critic(real_scores, self.d_pix(made)[0]),
            "gp": losses.gradient_penalty(
                lambda points: self.d_pix(points)[0],
                pictures,
                made,
                shares,
                per_pixel=self.settings.penalty == OVER_PIXELS,
            ),
            "D_pix domain": losses.pixel_domain(logits, domains),
        }
        weight = self.settings.weights.gp.at(number)
        total = terms["D_pix"] + weight * terms["gp"] + terms["D_pix domain"]
        self._descend(terms, total, self._pix_optimizer, number)
        return {name: term.detach() for name, term in terms.items()}

    def _move_vae(
        self,
        code: tuple[Tensor, Tensor],
        pictures: Tensor,
        labels: Tensor,
        domains: Tensor,
        others: Tensor,
        number: int,
    ) -> Terms:
        weights = {name: ramp.at(number) for name, ramp in vars(self.settings.weights).items()}
        terms: Terms = {}
        with _Frozen(self.d_feat, self.d_pix):
            if weights["pix_recon"]:
                made = self.vae.decoder(self.vae.sample(*code), domains)
                terms["pix_recon"] = losses.reconstruction(pictures, made)
            if weights["kl"]:
                terms["kl"] = losses.kl_divergence(*code)
            if self.settings.weights.feat_domain.final:
                logits = self.d_feat(self.vae.sample(*code))
                inverting = self.settings.adversary == INVERSION
                term = losses.label_inversion if inverting else losses.loss_reversal
                terms["feat_domain"] = term(logits, domains)
            if weights["digit"]:
                logits = self.head(self.vae.sample(*code))
                terms["digit"] = losses.digit_classification(logits, labels)
            if self.settings.form == IMAGES:
                # Only the decoder learns from what D_pix says.
                made = self.vae.decoder(self.vae.sample(*code).detach(), others)
                scores, logits = self.d_pix(made)
                terms["pix_adv"] = losses.pixel_adversary(scores)
                terms["pix_clf"] = losses.pixel_domain(logits, others)
            total = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        self._optimizer.param_groups[0]["lr"] = self._rate(number)
        self._descend(terms, total, self._optimizer, number)
        return {name: term.detach() for name, term in terms.items()}

    def _rate(self, number: int) -> float:
        """Return the learning rate: constant, and then in a straight line to near zero."""
        settings = self.settings
        falling = settings.decay * self.total
        left = (self.total - number) / falling if falling else 1.0
        return settings.lr * min(1.0, max(left, 1e-3))

    def _descend(
        self, terms: Terms, loss: Tensor, optimizer: torch.optim.Optimizer, number: int
    ) -> None:
        broken = losses.not_finite(terms)
        if broken:
            raise MethodError(
                f"the training diverged at step {number + 1}: {broken} is no number any more",
                "give a lower rate, such as --set lr=0.0002, in another folder",
            )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


class _Frozen:
    """Keep gradients from networks' weights, though not from what goes through them."""

    def __init__(self, *networks: nn.Module) -> None:
        self.networks = networks

    def __enter__(self) -> None:
        for network in self.networks:
            network.requires_grad_(False)

    def __exit__(self, *_: object) -> None:
        for network in self.networks:
            network.requires_grad_(True)


def shifted(pictures: Tensor, most: int, stream: Generator) -> Tensor:
    """Move a batch by up to `most` pixels in each direction; edges repeat."""
    side = pictures.shape[-1]
    x, y = torch.randint(0, 2 * most + 1, (2,), generator=stream).tolist()
    padded = F.pad(pictures, (most,) * 4, mode="replicate")
    return padded[..., y : y + side, x : x + side]
