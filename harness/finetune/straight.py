"""Exact values forward, the gradient of their smooth meaning backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Straight(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, _smooth: Tensor, exact: Tensor) -> Tensor:  # noqa: ANN401
        return exact

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        return gradients[0], None


def straight(smooth: Tensor, exact: Tensor) -> Tensor:
    """Return `exact` to the bit; what depends on it passes its gradient on to `smooth`.

    Both have one shape and one type. (Straight-through estimator: Y. Bengio et al., 2013,
    https://arxiv.org/abs/1308.3432.)
    """
    found: Tensor = _Straight.apply(smooth, exact.detach())  # type: ignore[no-untyped-call]
    return found
