"""Matrix products of bytes and weights, exact: int8 kernels where they are, else float32.

The int8 kernels of PyTorch are exact on processors with instructions that add up in 32 bits, and
wrong by millions on some others: they are tried before they are used.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

_MIDDLE = 128
_TRIAL = 300, 1152, 80


class Products:
    """The weights of one layer, ready to be multiplied with rows of bytes.

    Args:
        weights: int64 [C, K].
    """

    def __init__(self, weights: np.ndarray) -> None:
        self.int8 = weights.min() >= -_MIDDLE and weights.max() < _MIDDLE and int8_is_exact()
        dtype = np.int8 if self.int8 else np.float32
        self.weights = torch.from_numpy(np.ascontiguousarray(weights.T.astype(dtype)))
        # Rows of int8 kernels hold bytes minus 128.
        self.missing = _MIDDLE * weights.sum(1) if self.int8 else np.zeros(len(weights), np.int64)

    def __call__(self, rows: Tensor) -> Tensor:
        """Return the sums [M, C], short of `missing`, for int8 [M, K] that holds bytes minus 128.

        They are int32 or float32.
        """
        if self.int8:
            return torch._int_mm(rows, self.weights)
        return rows.float().add_(_MIDDLE) @ self.weights


def minus_128(x: Tensor) -> Tensor:
    """Return bytes minus 128 as int8."""
    return (x ^ _MIDDLE).view(torch.int8)


@cache
def int8_is_exact() -> bool:
    """Try the int8 kernels with the numbers that make their sums overflow first."""
    if not hasattr(torch, "_int_mm"):
        return False
    rows, inner, columns = _TRIAL
    generator = torch.Generator().manual_seed(0)
    a = torch.randint(-128, 128, (rows, inner), generator=generator, dtype=torch.int8)
    b = torch.randint(-128, 128, (inner, columns), generator=generator, dtype=torch.int8)
    a[0], b[:, 0], a[1], b[:, 1] = 127, 127, -128, -128
    try:
        found = torch._int_mm(a, b)
    except RuntimeError:
        return False
    return bool((found.double() == a.double() @ b.double()).all())
