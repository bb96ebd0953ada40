"""Elements picked by index.

Source: nncase v1.9.0 `gather.cpp`, `gather_nd.cpp`, `gather_elements.cpp`, `onehot.cpp`.
"""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from harness.kmodel.operations import Gather, GatherElements, GatherNd, OneHot, Operation
from harness.simulator.errors import unsupported


def gather(operation: Gather, x: Tensor, indices: Tensor) -> Tensor:
    """Pick slices along an axis."""
    flat = _checked(operation, indices, x.shape[operation.axis + 1]).flatten(1)
    moved = x.movedim(operation.axis + 1, 1)
    return _rows(moved, flat).movedim(1, operation.axis + 1)


def gather_nd(operation: GatherNd, x: Tensor, indices: Tensor) -> Tensor:
    """Pick slices by tuples of indices; the first axes of both are batches."""
    first = 1 + operation.batch_dims
    sizes = x.shape[first : first + indices.shape[-1]]
    place = torch.zeros(indices.shape[:-1], dtype=torch.int64, device=x.device)
    for axis, size in enumerate(sizes):
        place = place * size + _checked(operation, indices[..., axis], size)
    batch = max(x.shape[0], place.shape[0])
    x, place = x.expand(batch, *x.shape[1:]), place.expand(batch, *place.shape[1:])
    rows = x.flatten(0, first - 1).flatten(1, len(sizes))
    return _rows(rows, place.reshape(rows.shape[0], -1)).reshape(batch, -1)


def gather_elements(operation: GatherElements, x: Tensor, indices: Tensor) -> Tensor:
    """Pick elements along an axis; negative indices count from its end."""
    axis = operation.axis + 1
    size = x.shape[axis]
    indices = _checked(operation, torch.where(indices < 0, indices + size, indices), size)
    batch = max(x.shape[0], indices.shape[0])
    x, indices = x.expand(batch, *x.shape[1:]), indices.expand(batch, *indices.shape[1:])
    return x.gather(axis, indices)


def one_hot(operation: OneHot, indices: Tensor, _depth: Tensor, on: Tensor, off: Tensor) -> Tensor:
    """Put one value at the index and another elsewhere; the output's shape gives the depth."""
    depth = operation.output.shape[operation.axis]
    if operation.negative_indices:
        indices = torch.where(indices < 0, indices + depth, indices)
    rank = len(operation.output.shape)
    places = torch.arange(depth, device=indices.device)
    places = places.reshape(-1, *(1,) * (rank - 1 - operation.axis))
    return torch.where(indices.unsqueeze(operation.axis + 1) == places, on[0, 0], off[0, 0])


def _rows(x: Tensor, indices: Tensor) -> Tensor:
    """Return [B, M, ...] for x [B, K, ...] and indices [B, M]; either batch may be 1."""
    batch = max(x.shape[0], indices.shape[0])
    x, indices = x.expand(batch, *x.shape[1:]), indices.expand(batch, -1)
    shape = *indices.shape, prod(x.shape[2:])
    flat = x.reshape(batch, x.shape[1], -1)
    return flat.gather(1, indices[..., None].expand(shape)).reshape(*indices.shape, *x.shape[2:])


def _checked(operation: Operation, indices: Tensor, size: int) -> Tensor:
    """Return indices as int64; for others than these the runtime reads what lies elsewhere."""
    wide = indices.to(torch.int64)
    if bool(((wide < 0) | (wide >= size)).any()):
        raise unsupported(operation, f"indices {int(wide.min())} to {int(wide.max())} into {size}")
    return wide
