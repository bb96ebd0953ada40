"""One training in memory: the steps, and the state that an epoch starts from."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Generator, Tensor

from harness.errors import MethodError
from reference.stereonet import losses
from reference.stereonet.data import Pairs
from reference.stereonet.metrics import to_floats
from reference.stereonet.networks import StereoNet
from reference.stereonet.settings import Settings
from reference.training.average import follow

Terms = dict[str, Tensor]


class Trainer:
    """The network, its optimiser, and how an epoch moves them.

    In the first `settings.coarse_epochs` the tower and the cost filter learn alone, from L_0: the
    refiners would learn to mend what is not there yet, and are ten times as dear. Then all learn
    from the sum over all levels. The learning rate decays exponentially, for the refiners from
    their own first step on.

    Args:
        pairs: To learn from, with disparities.
        settings: How to train.
        epochs: Passes over the pairs with all levels.
        seed: Start of the random streams.
        device: PyTorch device name.

    Attributes:
        network: The weights that learn.
        average: Their running average, batch-norm statistics included: what is kept in the end.
        epochs: Of both parts together.
    """

    def __init__(
        self, pairs: Pairs, settings: Settings, epochs: int, seed: int, device: str
    ) -> None:
        assert pairs.disparity is not None
        self.settings, self.seed, self.device = settings, seed, device
        sides = (pairs.left, pairs.right, pairs.disparity)
        self._left, self._right, self._truth = (torch.tensor(side).to(device) for side in sides)
        self.epochs = settings.coarse_epochs + epochs
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.network = _channels_last(StereoNet(settings.structure).to(device))
        self.average = copy.deepcopy(self.network)
        refiners = list(self.network.refiners.parameters())
        coarse = [*self.network.tower.parameters(), *self.network.filter.parameters()]
        self._optimizer = torch.optim.Adam([{"params": coarse}, {"params": refiners}], settings.lr)
        self._stream = Generator().manual_seed(seed)

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Take the weights of another training."""
        for network in (self.network, self.average):
            network.load_state_dict(weights)

    def is_coarse(self, epoch: int) -> bool:
        """Return whether the refiners wait in an epoch, counted from 0."""
        return epoch < self.settings.coarse_epochs

    def run_epoch(self, epoch: int) -> dict[str, float]:
        """Pass once over all pairs.

        Args:
            epoch: Number of the epoch, from 0.

        Returns:
            The mean of each term.

        Raises:
            MethodError: A term is no finite number any more; the message names it.
        """
        self.network.train()
        self._stream = Generator().manual_seed((self.seed * 1_000_003 + epoch) % 2**63)
        batches = self._batches()
        found = []
        for number, places in enumerate(batches):
            self._set_rate(epoch + number / len(batches))
            found.append(self.step(places, epoch))
            step = epoch * len(batches) + number
            follow(self.average, self.network, step, self.settings.average)
        return {
            name: torch.stack([terms[name] for terms in found]).mean().item() for name in found[0]
        }

    def step(self, places: Tensor, epoch: int) -> Terms:
        """Move the weights on the pairs at some places; return the terms."""
        pair = to_floats(self._left[places]), to_floats(self._right[places])
        truth = self._truth[places]
        coarse = self.network.coarse(*self.network.tower(torch.cat(pair)).chunk(2))
        terms = self._terms([coarse], truth)
        if not self.is_coarse(epoch):
            terms |= self._refined(coarse, pair[0], truth)
        self._check(terms, epoch)
        self._optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return {name: term.detach() for name, term in terms.items()}

    def state(self) -> dict[str, Any]:
        """Return all that the next epoch starts from."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        return {"network": self.network, "average": self.average, "optimizer": self._optimizer}

    def _terms(self, levels: list[Tensor], truth: Tensor) -> Terms:
        valid = losses.known(truth, self.settings.disparities)
        return losses.level_losses(levels, truth, valid)

    def _refined(self, coarse: Tensor, picture: Tensor, truth: Tensor) -> Terms:
        """Return L_1, L_2, … of a random window: refiners look no further than some cells."""
        scale, crop = self.settings.structure.scale, self.settings.crop
        cells = [side // crop for side in coarse.shape[2:]]
        corner = self._corner(truth, cells)
        levels = self.network.refine(
            _window(coarse, corner, cells), _window(picture, corner, cells, scale)
        )
        terms = self._terms(levels, _window(truth, corner, cells, scale))
        terms.pop("L_0")  # is that of the whole picture
        return terms

    def _corner(self, truth: Tensor, cells: list[int]) -> list[int]:
        """Return line and column of a window in which something is known."""
        scale = self.settings.structure.scale
        valid = losses.known(truth, self.settings.disparities)
        most = [have // scale - side for have, side in zip(truth.shape[2:], cells, strict=True)]
        # Somewhere in the picture something is known: the window that holds it is found in time.
        while True:
            corner = [int(torch.randint(one + 1, (1,), generator=self._stream)) for one in most]
            if _window(valid, corner, cells, scale).any():
                return corner

    def _batches(self) -> list[Tensor]:
        """Return places by step; what would be left over sits this epoch out."""
        size = min(self.settings.batch, len(self._left))
        order = torch.randperm(len(self._left), generator=self._stream)
        whole = order[: len(order) // size * size]
        return list(torch.split(whole.to(self.device), size))

    def _set_rate(self, passed: float) -> None:
        """Set the rates after so many epochs."""
        waited = self.settings.coarse_epochs
        shares = passed / self.epochs, max(0.0, passed - waited) / (self.epochs - waited)
        for group, share in zip(self._optimizer.param_groups, shares, strict=True):
            group["lr"] = self.settings.lr * self.settings.decay**share

    def _check(self, terms: Terms, epoch: int) -> None:
        broken = losses.not_finite(terms)
        if broken:
            raise MethodError(
                f"the training diverged in epoch {epoch + 1}: {broken} is no number any more",
                "give a lower rate, such as --set lr=0.0005, in another folder",
            )


def _channels_last(network: StereoNet) -> StereoNet:
    """Order the weights as convolutions on a CPU take them fastest."""
    for weight in network.parameters():
        if weight.ndim >= 4:
            order = torch.channels_last if weight.ndim == 4 else torch.channels_last_3d
            weight.data = weight.data.to(memory_format=order)
    return network


def _window(maps: Tensor, corner: list[int], cells: list[int], scale: int = 1) -> Tensor:
    """Cut the same cells out of maps that have `scale` pixels a cell."""
    (top, left), (height, width) = ([scale * one for one in part] for part in (corner, cells))
    return maps[..., top : top + height, left : left + width]


def named(terms: dict[str, float]) -> Iterator[str]:
    """Write terms for people."""
    return (f"{name} {value:.3g}" for name, value in terms.items())
