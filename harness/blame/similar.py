"""How near two tensors are to each other, by as many of their values as that takes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

# Values that a cosine is taken over, about.
_SAMPLE = 1 << 16
# Power of the difference over that of the reference, of one float computation done twice.
_SAME_POWER = 1e-8
# Largest difference over the largest value, of the same floats that were moved about.
_MOVED = 1e-4


def cosine(reference: Tensor, candidate: Tensor, centred: bool = False) -> float:
    """Return the cosine of the angle between two tensors; 0 where one is nothing but zeros."""
    a, b = _sample(reference), _sample(candidate)
    known = torch.isfinite(a) & torch.isfinite(b)
    a, b = a[known], b[known]
    if not len(a):
        return 0.0
    if centred:
        a, b = a - a.mean(), b - b.mean()
    norms = math.sqrt(float(torch.dot(a, a)) * float(torch.dot(b, b)))
    return float(torch.dot(a, b)) / norms if norms else 0.0


def computed_alike(reference: Tensor, candidate: Tensor) -> bool:
    """Return whether two float computations of one function may have given the two."""
    a, b = _sample(reference), _sample(candidate)
    known = torch.isfinite(a)
    if not torch.equal(known, torch.isfinite(b)):
        return False
    a, difference = a[known], (a - b)[known]
    return float(difference @ difference) <= _SAME_POWER * float(a @ a)


def moved_alike(reference: Tensor, candidate: Tensor) -> bool:
    """Return whether two tensors hold the same values at the same places."""
    largest = float(reference.abs().nan_to_num(0.0, 0.0, 0.0).max()) if reference.numel() else 0.0
    return torch.allclose(reference, candidate, rtol=0.0, atol=_MOVED * largest, equal_nan=True)


def factor(reference: Tensor, candidate: Tensor) -> float:
    """Return what brings a candidate nearest to a reference when multiplied with it."""
    a, b = _sample(reference), _sample(candidate)
    known = torch.isfinite(a) & torch.isfinite(b)
    power = float(b[known] @ b[known])
    return float(a[known] @ b[known]) / power if power else 0.0


def _sample(values: Tensor) -> Tensor:
    """Return so many values, spread over all, that a cosine is known well enough."""
    flat = values.reshape(-1)
    # An odd step does not keep to one column of a map.
    step = max(1, len(flat) // _SAMPLE) | 1
    return flat[::step].double()
