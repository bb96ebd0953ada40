"""The losses of UFDN by what they are called in the paper and the authors' code, all minimised.

Source: https://arxiv.org/abs/1809.01361 by the authors' code,
https://github.com/Alexander-H-Liu/UFDN at cd005db, whose names stand in brackets. Labels of
domains are vectors, one-hot for pictures as they are; what they are compared with are a logit a
domain, each with a sigmoid of its own. `domains` is float32 [N, domains] throughout.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

# Label of a picture whose class is not to be learnt.
UNLABELLED = -1


def reconstruction(pictures: Tensor, made: Tensor) -> Tensor:
    """Return the reconstruction term of L_vae (pix_recon): the mean squared difference."""
    return F.mse_loss(made, pictures)


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(q(z|x) ‖ N(0, 1)) of L_vae (kl): a sum over values and over the batch."""
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()


def feature_discriminator(logits: Tensor, domains: Tensor) -> Tensor:
    """Return what D_feat minimises: it reads from codes which domain they are of.

    Args:
        logits: D_feat of codes, float32 [N, domains].
        domains: The domains that the codes are of.
    """
    return F.binary_cross_entropy_with_logits(logits, domains)


def label_inversion(logits: Tensor, domains: Tensor) -> Tensor:
    """Return what the encoder minimises in the authors' code (feat_domain).

    D_feat is to call each code one of all other domains: its labels are 1 − `domains`.
    """
    return F.binary_cross_entropy_with_logits(logits, 1 - domains)


def loss_reversal(logits: Tensor, domains: Tensor) -> Tensor:
    """Return −`feature_discriminator`: what the encoder minimises in a game of two players.

    Its gradient is lost where D_feat errs by far, while that of label inversion is lost where
    the encoder has won; it has no lower bound.
    """
    return -feature_discriminator(logits, domains)


def digit_classification(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of the labelled pictures in a batch; without one it is zero.

    Args:
        logits: float32 [N, classes].
        labels: int64 [N]; `UNLABELLED` where the class is not to be learnt.
    """
    total = F.cross_entropy(logits, labels, ignore_index=UNLABELLED, reduction="sum")
    return total / (labels != UNLABELLED).sum().clamp(min=1)


def pixel_critic(real: Tensor, made: Tensor) -> Tensor:
    """Return E D_pix(made) − E D_pix(real), of which D_pix minimises the sum with its penalty.

    Args:
        real: Scores of real pictures, float32 [N].
        made: Scores of made ones, float32 [M].
    """
    return made.mean() - real.mean()


def gradient_penalty(
    score: Callable[[Tensor], Tensor],
    real: Tensor,
    made: Tensor,
    shares: Tensor,
    *,
    per_pixel: bool = False,
) -> Tensor:
    """Return E (‖∇ D_pix‖ − 1)² at points between real and made pictures (gp).

    Source: I. Gulrajani et al., Improved Training of Wasserstein GANs,
    https://arxiv.org/abs/1704.00028.

    Args:
        score: Pictures → scores, float32 [N].
        real: float32 [N, ...].
        made: float32 [N, ...].
        shares: How much of each point is real, float32 [N] in 0 to 1.
        per_pixel: Take the norm over the channels of each pixel, and the mean over pixels, as the
            authors' code does; else the norm over all of a picture.
    """
    mixed = shares.view(-1, *(1,) * (real.dim() - 1))
    points = (mixed * real + (1 - mixed) * made).detach().requires_grad_()
    (gradients,) = torch.autograd.grad(score(points).sum(), points, create_graph=True)
    norms = gradients.norm(dim=1) if per_pixel else gradients.flatten(1).norm(dim=1)
    penalty: Tensor = (norms - 1).square().mean()
    return penalty


def pixel_domain(logits: Tensor, domains: Tensor) -> Tensor:
    """Return D_pix's auxiliary classification (pix_clf), which both sides minimise.

    D_pix does it for real pictures and the domains that they are of; the decoder for made
    pictures and the domains that they were made for.
    """
    return F.binary_cross_entropy_with_logits(logits, domains)


def pixel_adversary(made: Tensor) -> Tensor:
    """Return −E D_pix(made) (pix_adv), which the decoder minimises."""
    return -made.mean()


def not_finite(terms: dict[str, Tensor]) -> str | None:
    """Return the name of the first term that is no finite number, if there is one."""
    finite = torch.isfinite(torch.stack([term.detach() for term in terms.values()])).tolist()
    return next((name for name, fine in zip(terms, finite, strict=True) if not fine), None)
