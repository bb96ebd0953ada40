"""Where the least and the greatest elements are.

Source: nncase v1.9.0 `reduce_arg.cpp`, `hardmax.cpp`, `topk.cpp`. They go through the elements in
order and keep the best so far, which decides what becomes of equal ones.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from harness.kmodel.operations import Hardmax, ReduceArg, TopK
from harness.simulator.dtypes import TORCH
from harness.simulator.operations.reduction import together

_SAME = 1e-6


def reduce_arg(operation: ReduceArg, x: Tensor) -> Tensor:
    """Return the index along the first of the axes of the first extreme element, or of the last.

    For the last one, elements that differ by less than 1e-6 are equal.
    """
    flat = together(x, operation.axes)
    best = flat.amax(-1, keepdim=True) if operation.largest else flat.amin(-1, keepdim=True)
    first = (flat == best).to(torch.uint8).argmax(-1, keepdim=True)
    place = first
    if operation.select_last:
        steps = torch.arange(flat.shape[-1], device=x.device)
        same = ((flat - best).abs() < _SAME) & (steps >= first)
        place = torch.where(same, steps, first).amax(-1, keepdim=True)
    inner = flat.shape[-1] // operation.input.shape[operation.axes[0]]
    return (place // inner).to(TORCH[operation.output.dtype])


def hardmax(operation: Hardmax, x: Tensor) -> Tensor:
    """Put 1 at the first greatest element of an axis; nowhere if none is above 1.2e-38."""
    axis = operation.axis + 1
    greatest = x.amax(axis, keepdim=True)
    first = (x == greatest).to(torch.uint8).argmax(axis, keepdim=True)
    found = greatest > torch.finfo(x.dtype).tiny
    return torch.zeros_like(x).scatter(axis, first, found.to(x.dtype))


def top_k(operation: TopK, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the `k` extreme elements of an axis, and their indices."""
    rows = x.movedim(operation.axis + 1, -1)
    keys = (-rows if operation.largest else rows).contiguous()
    pick = _kept_in_order if operation.sorted else _partitioned
    places = pick(keys, operation.k, operation.largest)
    values = rows.gather(-1, places)
    return values.movedim(-1, operation.axis + 1), places.movedim(-1, operation.axis + 1)


def _kept_in_order(keys: Tensor, k: int, late_first: bool) -> Tensor:
    """Return the places of the least `k` keys, ascending.

    Source: the priority queue of `topk.cpp`, which orders pairs of value and index. Of the
    greatest keys kept, it gives up the one with the lowest index where `late_first`, else the one
    with the highest.
    """
    sign = -1 if late_first else 1
    places = torch.arange(k, device=keys.device).expand(*keys.shape[:-1], k).clone()
    for step in range(k, keys.shape[-1]):
        kept = keys.gather(-1, places)
        worst = kept.amax(-1, keepdim=True)
        order = torch.where(kept == worst, sign * places, -keys.shape[-1])
        weakest = order.argmax(-1, keepdim=True)
        better = keys[..., step : step + 1] < worst
        old = places.gather(-1, weakest)
        places = places.scatter(-1, weakest, torch.where(better, step, old))
    places = places.gather(-1, (sign * places).argsort(dim=-1))
    return places.gather(-1, keys.gather(-1, places).argsort(dim=-1, stable=True))


def _partitioned(keys: Tensor, k: int, _late_first: bool) -> Tensor:
    """Return the places of the least `k` keys in the order in which a quickselect leaves them."""
    flat = keys.reshape(-1, keys.shape[-1]).cpu().numpy()
    found = np.stack([_quickselect(row, k) for row in flat])
    return torch.from_numpy(found).to(keys.device).reshape(*keys.shape[:-1], k)


def _quickselect(keys: np.ndarray, k: int) -> np.ndarray:
    """Return int64 [k]; the first of a part is the pivot, as in `topk.cpp`."""
    keys, places = keys.copy(), np.arange(len(keys))
    low, high = 0, len(keys) - 1
    while low < high:
        up, down, pivot = low, high + 1, keys[low]
        while True:
            up += 1
            while up < high and keys[up] < pivot:
                up += 1
            down -= 1
            while down > low and keys[down] > pivot:
                down -= 1
            if up >= down:
                break
            for array in (keys, places):
                array[[up, down]] = array[[down, up]]
        for array in (keys, places):
            array[[low, down]] = array[[down, low]]
        if down == k:
            break
        low, high = (low, down - 1) if down > k else (down + 1, high)
    return places[:k]
