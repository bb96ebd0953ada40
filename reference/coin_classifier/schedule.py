"""Learning rate over a training, as pure functions of the place in it."""

from __future__ import annotations

import math

WARM_UP = 0.15
START = 1 / 20
# So many pictures are shown in all, whatever the size of the set; both ends are limits in epochs.
PICTURES_SHOWN = 100_000
FEWEST_EPOCHS, MOST_EPOCHS = 20, 320


def learning_rate(highest: float, done: float) -> float:
    """Return the rate of a one-cycle schedule: up in a half cosine, down to nothing in another.

    Args:
        highest: Rate at the end of the warm-up.
        done: Share of the training that is done, 0 to 1.

    Source: L. Smith, Super-Convergence, https://arxiv.org/abs/1708.07120.
    """
    if done < WARM_UP:
        return highest * (START + (1 - START) * _rise(done / WARM_UP))
    return highest * _rise((1 - done) / (1 - WARM_UP))


def default_epochs(pictures: int) -> int:
    """Return how many epochs a set of so many training pictures gets."""
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, round(PICTURES_SHOWN / pictures)))


def _rise(place: float) -> float:
    return (1 - math.cos(math.pi * place)) / 2
