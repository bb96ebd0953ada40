"""The losses of DTN by their names in the paper, all of them minimised.

Source: https://arxiv.org/abs/1611.02200, equations 1 to 7: terms, signs and the order of classes
as a note on the paper gives them. Each sum over a batch is a mean here, so that weights do not
depend on the batch; the squared distances are means over their elements too.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.blocks import gan_losses
from reference.blocks.gan_losses import class_loss
from reference.blocks.total_variation import total_variation
from reference.dtn.networks import FROM_SOURCE, FROM_TARGET, REAL
from reference.dtn.settings import Weights


def l_d(of_source: Tensor, of_target: Tensor, real: Tensor) -> Tensor:
    """Return L_D = −E log D₁(G(s)) − E log D₂(G(t)) − E log D₃(t), which D minimises.

    Args:
        of_source: D's logits for G(s), float32 [N, 3].
        of_target: D's logits for G(t), float32 [M, 3].
        real: D's logits for t, float32 [M, 3].
    """
    return (
        class_loss(of_source, FROM_SOURCE).mean()
        + class_loss(of_target, FROM_TARGET).mean()
        + class_loss(real, REAL).mean()
    )


def l_gang(of_source: Tensor, of_target: Tensor) -> Tensor:
    """Return L_GANG = −E log D₃(G(s)) − E log D₃(G(t)): what g makes is to be taken for T."""
    return class_loss(of_source, REAL).mean() + class_loss(of_target, REAL).mean()


def l_const(codes: Tensor, codes_of_made: Tensor) -> Tensor:
    """Return L_CONST, the mean squared distance of f(s) and f(G(s))."""
    return F.mse_loss(codes_of_made, codes)


def l_tid(pictures: Tensor, made: Tensor) -> Tensor:
    """Return L_TID, the mean squared distance of t and G(t)."""
    return F.mse_loss(made, pictures)


def l_tv(made: Tensor) -> Tensor:
    """Return L_TV of G(s) and G(t) with B = 1: a sum over pixels, a mean over pictures."""
    return total_variation(made)


def l_g(gang: Tensor, const: Tensor, tid: Tensor, tv: Tensor, weights: Weights) -> Tensor:
    """Return L_G = L_GANG + α L_CONST + β L_TID + γ L_TV, which g minimises."""
    return gang + weights.alpha * const + weights.beta * tid + weights.gamma * tv


def r_gan_d(of_source: Tensor, real: Tensor) -> Tensor:
    """Return what the baseline's D minimises: −E log(1 − D(G(s))) − E log D(t), by logits."""
    return gan_losses.discriminator_loss(real, of_source)


def r_gan_g(of_source: Tensor) -> Tensor:
    """Return −E log D(G(s)), for the baseline's G.

    R_GAN itself has E log(1 − D(G(s))), whose gradient is lost as soon as D is sure; this form
    has the same optimum, and is the one that DTN's own L_GANG has.
    """
    return gan_losses.generator_loss(of_source)


def not_finite(terms: dict[str, Tensor]) -> str | None:
    """Return the name of the first term that is no finite number, if there is one."""
    finite = torch.isfinite(torch.stack([term.detach() for term in terms.values()])).tolist()
    return next((name for name, fine in zip(terms, finite, strict=True) if not fine), None)
