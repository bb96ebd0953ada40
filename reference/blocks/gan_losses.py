"""Adversarial losses by logits, each in both senses: positive logits mean real, or mean fake.

Papers differ in what a discriminator's output is the probability of. Most say real; SimGAN says
synthetic. The one is the other with the sign of the logits turned, and `positive` says which is
meant. Everything here is minimised.

Sources: I. Goodfellow et al., Generative Adversarial Networks, https://arxiv.org/abs/1406.2661
(both forms of the generator's loss); X. Mao et al., Least Squares Generative Adversarial Networks,
https://arxiv.org/abs/1611.04076.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Positive = Literal["real", "fake"]
Reduction = Callable[[Tensor], Tensor]


def sum_over_map(values: Tensor) -> Tensor:
    """Return the mean over the batch of what each item's map sums to: [N, ...] → scalar."""
    return values.flatten(1).sum(dim=1).mean()


def log_loss(logits: Tensor, target: bool) -> Tensor:
    """Return −log of the probability that each logit gives to `target`, of the logits' shape."""
    return F.softplus(-logits if target else logits)


def class_loss(logits: Tensor, index: int) -> Tensor:
    """Return −log of the softmax probability of one class, for each item.

    Args:
        logits: float32 [N, classes].
        index: The class, from 0.

    Returns:
        float32 [N].
    """
    return -F.log_softmax(logits, dim=1)[:, index]


def discriminator_loss(
    real: Tensor, fake: Tensor, positive: Positive = "real", reduce: Reduction = torch.mean
) -> Tensor:
    """Return −log P(real | real) − log P(fake | fake), each term reduced by itself.

    Args:
        real: Logits of real pictures, float32 [N, ...].
        fake: Logits of made pictures, float32 [M, ...].
        positive: What a positive logit says.
        reduce: How values of a batch and its maps become one: `torch.mean` or `sum_over_map`.
    """
    says_real = positive == "real"
    return reduce(log_loss(real, says_real)) + reduce(log_loss(fake, not says_real))


def generator_loss(
    fake: Tensor, positive: Positive = "real", reduce: Reduction = torch.mean
) -> Tensor:
    """Return −log P(real | fake), the form whose gradient does not vanish where it is needed.

    The arguments are those of `discriminator_loss`.
    """
    return reduce(log_loss(fake, positive == "real"))


def minimax_generator_loss(
    fake: Tensor, positive: Positive = "real", reduce: Reduction = torch.mean
) -> Tensor:
    """Return log P(fake | fake): the term of the two-player game itself, at most zero.

    Its gradient vanishes where the discriminator is sure; `generator_loss` is what is trained.
    """
    return -reduce(log_loss(fake, positive != "real"))


def least_squares_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return mean (D(real) − 1)² + mean D(fake)², where D has no sigmoid."""
    return (real - 1).square().mean() + fake.square().mean()


def least_squares_generator_loss(fake: Tensor) -> Tensor:
    """Return mean (D(fake) − 1)²."""
    return (fake - 1).square().mean()
