"""The losses of content transfer, all of them minimised.

Terms and zeroed code as a note on the paper gives them; the squared distance, the common target of
the confusion and its weight are those of the authors' code,
https://github.com/oripress/ContentDisentanglement. Each is a mean over batch, pixels and colours.
A logit of the discriminator is that of "the picture is of B".
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.blocks.gan_losses import log_loss

# λ of the confusion in the authors' code.
CONFUSION = 0.001


def l_rec_a(made: Tensor, plain: Tensor) -> Tensor:
    """Return L_rec^A, the mean squared distance of Dec(E1(a), 0) and a.

    Args:
        made: Decoded with the code of E2 zeroed, float32 [N, 3, H, W].
        plain: Pictures of A, of the same shape.
    """
    return F.mse_loss(made, plain)


def l_rec_b(made: Tensor, content: Tensor) -> Tensor:
    """Return L_rec^B, the mean squared distance of Dec(E1(b), E2(b)) and b."""
    return F.mse_loss(made, content)


def l_dc(of_plain: Tensor, of_content: Tensor) -> Tensor:
    """Return L_DC = -E log(1 - D(E1(a))) - E log(1 - D(E1(b))), which E1 minimises.

    Both have the same target, that of A: only b pushes against what D is taught.

    Args:
        of_plain: D's logits for E1(a), float32 [N].
        of_content: D's logits for E1(b), float32 [M].
    """
    return log_loss(of_plain, False).mean() + log_loss(of_content, False).mean()


def l_d(of_plain: Tensor, of_content: Tensor) -> Tensor:
    """Return L_D = -E log(1 - D(E1(a))) - E log D(E1(b)), which D minimises."""
    return log_loss(of_plain, False).mean() + log_loss(of_content, True).mean()


def l_ae(rec_a: Tensor, rec_b: Tensor, dc: Tensor, confusion: float = CONFUSION) -> Tensor:
    """Return L_rec^A + L_rec^B + λ L_DC, which E1, E2 and the decoder minimise."""
    return rec_a + rec_b + confusion * dc


def not_finite(terms: dict[str, Tensor]) -> str | None:
    """Return the name of the first term that is no finite number, if there is one."""
    finite = torch.isfinite(torch.stack([term.detach() for term in terms.values()])).tolist()
    return next((name for name, fine in zip(terms, finite, strict=True) if not fine), None)
