"""The losses of SimGAN, with the signs of the paper: D says how likely a place is *refined*.

Source: A. Shrivastava et al., https://arxiv.org/abs/1612.07828, equations (1) to (4). All are
minimised. Within a picture they are sums, over the places of D's map and over pixels, so that the
weight of the self-regularisation means what it means in the paper; over the batch they are means
(our choice, as most optimisers' learning rates expect it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from reference.blocks.gan_losses import log_loss, sum_over_map
from reference.simgan.structure import REAL, REFINED

# The feature transform ψ of equation (3).
Transform = Callable[[Tensor], Tensor]


def identity(images: Tensor) -> Tensor:
    """Return the pictures as they are: ψ for grey pictures."""
    return images


def colour_mean(images: Tensor) -> Tensor:
    """Return the mean over the channels: ψ for colour pictures, [N, C, H, W] → [N, 1, H, W]."""
    return images.mean(dim=1, keepdim=True)


TRANSFORMS: Mapping[str, Transform] = {"identity": identity, "colour_mean": colour_mean}


def log_odds(logits: Tensor) -> Tensor:
    """Return log D / (1 − D) at each place: [N, 2, h, w] → [N, h, w]."""
    return logits[:, REFINED] - logits[:, REAL]


def probability(logits: Tensor) -> Tensor:
    """Return D, the probability that a place is refined: [N, 2, h, w] → [N, h, w]."""
    return torch.sigmoid(log_odds(logits))


def local_adversarial(logits: Tensor, refined: bool) -> Tensor:
    """Return the cross-entropy of the map against one class, summed over its places.

    Args:
        logits: The discriminator's, float32 [N, 2, h, w]; a 1 x 1 map is the global loss.
        refined: Which class is meant: −log D where true, −log (1 − D) where false.

    Returns:
        The mean over the pictures, a scalar.
    """
    return sum_over_map(log_loss(log_odds(logits), refined))


def discriminator_loss(refined_logits: Tensor, real_logits: Tensor) -> Tensor:
    """Return L_D of equation (2): −Σ log D(refined) − Σ log (1 − D(real))."""
    return local_adversarial(refined_logits, True) + local_adversarial(real_logits, False)


def realism(refined_logits: Tensor) -> Tensor:
    """Return the first term of equation (4), −Σ log (1 − D(R(x))): the refiner wants D low."""
    return local_adversarial(refined_logits, False)


def self_regularization(refined: Tensor, synthetic: Tensor, transform: Transform) -> Tensor:
    """Return ‖ψ(R(x)) − ψ(x)‖₁, summed over pixels, mean over pictures."""
    return sum_over_map((transform(refined) - transform(synthetic)).abs())


def refiner_loss(
    refined_logits: Tensor,
    refined: Tensor,
    synthetic: Tensor,
    weight: float,
    transform: Transform = identity,
) -> Tensor:
    """Return L_R of equation (4): realism + λ · self-regularisation.

    Args:
        refined_logits: The discriminator's of `refined`, float32 [N, 2, h, w].
        refined: R(x), float32 [N, C, H, W].
        synthetic: x, of the same shape.
        weight: λ.
        transform: ψ.
    """
    regular = self_regularization(refined, synthetic, transform)
    return realism(refined_logits) + weight * regular
