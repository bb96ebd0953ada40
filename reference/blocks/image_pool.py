"""A history of made pictures, from which a discriminator sees again what it would forget.

Source: A. Shrivastava et al., Learning from Simulated and Unsupervised Images through Adversarial
Training, section 2.3, https://arxiv.org/abs/1612.07828. Some public versions of it never fill the
pool, or write single pixels instead of pictures; the tests here look for both.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor


class ImagePool:
    """Up to `capacity` pictures that were made earlier; whole pictures come and go.

    Args:
        capacity: Most pictures that are kept.

    Raises:
        ValueError: The capacity is below 1.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"a pool of {capacity} pictures keeps none")
        self.capacity = capacity
        self._kept: Tensor | None = None
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def images(self) -> Tensor:
        """The pictures in the pool, [len(pool), C, H, W], sharing its memory."""
        if self._kept is None:
            raise ValueError("the pool is empty")
        return self._kept[: self._count]

    def mix(self, made: Tensor, generator: Generator) -> Tensor:
        """Return a batch of which half comes from the pool, and put the same number into it.

        Of `b` pictures, `b // 2` in the result come from the pool (fewer while it holds fewer)
        and the rest are the first ones of `made`; the last `b // 2` of `made` go into the pool.

        Args:
            made: The newest pictures, float32 [b, C, H, W].
            generator: Stream on the CPU that decides.

        Returns:
            float32 [b, C, H, W].
        """
        half = len(made) // 2
        old = self.sample(half, generator)
        mixed = torch.cat([made[: len(made) - len(old)], old]) if len(old) else made
        self.push(made[len(made) - half :], generator)
        return mixed

    def sample(self, count: int, generator: Generator) -> Tensor:
        """Return `count` different pictures, or all where there are fewer."""
        if self._kept is None:
            return torch.empty(0)
        places = torch.randperm(self._count, generator=generator)[:count]
        return self._kept[places.to(self._kept.device)]

    def push(self, made: Tensor, generator: Generator) -> None:
        """Add pictures while there is room, then let each replace another one by chance.

        Of more than `capacity` pictures the last ones are taken.
        """
        if not len(made):
            return
        made = made.detach()[-self.capacity :]
        if self._kept is None:
            self._kept = made.new_empty((self.capacity, *made.shape[1:]))
        room = min(self.capacity - self._count, len(made))
        self._kept[self._count : self._count + room] = made[:room]
        rest = len(made) - room
        # Only what was there before this call makes way, so that nothing new is lost at once.
        places = torch.randperm(self._count, generator=generator)[:rest]
        self._kept[places.to(self._kept.device)] = made[room:]
        self._count += room

    def state(self) -> dict[str, Any]:
        """Return all that the pool is."""
        return {"images": None if self._kept is None else self.images.clone()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self._kept, self._count = None, 0
        if state["images"] is not None:
            self.push(state["images"], Generator())
