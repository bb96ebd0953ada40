"""Operations that move elements."""

from __future__ import annotations

from math import prod

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from harness.kmodel.operations import (
    BatchToSpace,
    Broadcast,
    Concat,
    Flatten,
    KpuAddPadding,
    KpuRemovePadding,
    Operation,
    Pad,
    PadMode,
    Slice,
    SpaceToBatch,
    Transpose,
    Trilu,
)
from harness.simulator.dtypes import TORCH
from harness.simulator.errors import unsupported

_NUMPY_MODES = {PadMode.REFLECT: "reflect", PadMode.SYMMETRIC: "symmetric", PadMode.EDGE: "edge"}


def same(_operation: Operation, x: Tensor) -> Tensor:
    """Return the input: copies change the place only."""
    return x


def broadcast(operation: Broadcast, x: Tensor) -> Tensor:
    """Repeat along axes of size 1."""
    shape = operation.output.shape
    x = x.reshape(x.shape[0], *(1,) * (len(shape) + 1 - x.dim()), *x.shape[1:])
    return x.expand(x.shape[0], *shape)


def concat(operation: Concat, *inputs: Tensor) -> Tensor:
    """Put pieces of bytes one behind the other."""
    batch = max(x.shape[0] for x in inputs)
    parts = [
        x.expand(batch, *x.shape[1:])
        .reshape(batch, -1)
        .view(torch.uint8)
        .reshape(batch, operation.outer, piece)
        for x, piece in zip(inputs, operation.pieces, strict=True)
    ]
    joined = torch.cat(parts, 2).reshape(batch, -1)
    return joined.view(TORCH[operation.output.dtype])


def flatten(_operation: Flatten, x: Tensor) -> Tensor:
    """Bring CHW into HWC order."""
    return x.permute(0, 1, 3, 4, 2).flatten(2)


def transpose(operation: Transpose, x: Tensor) -> Tensor:
    """Change the order of axes."""
    return x.permute(0, *(axis + 1 for axis in operation.perm))


def trilu(operation: Trilu, x: Tensor) -> Tensor:
    """Keep the upper or lower triangle of the last two axes, and zeros beside it."""
    return x.triu(operation.k) if operation.upper else x.tril(operation.k)


def slice_(operation: Slice, x: Tensor) -> Tensor:
    """Pick elements in steps, which may be negative."""
    spans = zip(operation.begins, operation.ends, operation.strides, strict=True)
    for axis, span in enumerate(spans, 1):
        x = x.index_select(axis, torch.tensor(range(*span), device=x.device))
    return x


def pad(operation: Pad, x: Tensor) -> Tensor:
    """Put elements around and between; negative numbers cut off."""
    for axis, padding in enumerate(operation.paddings, 1):
        if padding.interior:
            x = _spread(operation, x, axis, padding.interior + 1)
    if operation.mode is PadMode.CONSTANT:
        sizes = [n for padding in reversed(operation.paddings) for n in padding[:2]]
        return functional.pad(x, sizes, value=operation.value)
    if any(n < 0 for padding in operation.paddings for n in padding):
        raise unsupported(operation, f"negative padding in mode {operation.mode.value}")
    for axis, padding in enumerate(operation.paddings, 1):
        source = np.arange(x.shape[axis])
        picked = np.pad(source, padding[:2], _NUMPY_MODES[operation.mode])  # type: ignore[call-overload]
        x = x.index_select(axis, torch.from_numpy(picked).to(x.device))
    return x


def _spread(operation: Pad, x: Tensor, axis: int, step: int) -> Tensor:
    """Put elements of the pad value between those of an axis."""
    shape = list(x.shape)
    shape[axis] = (shape[axis] - 1) * step + 1
    spread = torch.full(shape, operation.value, device=x.device).to(x.dtype)
    places = torch.arange(0, shape[axis], step, device=x.device)
    return spread.index_copy(axis, places, x)


def add_padding(_operation: KpuAddPadding, x: Tensor) -> Tensor:
    """Put each value into the corner of a map; what the chip leaves there is 0 here."""
    return functional.pad(x, (0, 3, 0, 3))


def remove_padding(_operation: KpuRemovePadding, x: Tensor) -> Tensor:
    """Take the corner of each map."""
    return x[..., :1, :1]


def space_to_batch(operation: SpaceToBatch, x: Tensor) -> Tensor:
    """Cut blocks of pixels up into batches."""
    sizes = [n for padding in reversed(operation.paddings) for n in padding[:2]]
    x = functional.pad(x, sizes)
    block, first = operation.block, x.dim() - len(operation.block)
    for axis, step in enumerate(block):
        at = first + 2 * axis
        x = torch.unflatten(x, at, (x.shape[at] // step, step))
    steps = [first + 2 * axis + 1 for axis in range(len(block))]
    rest = [axis for axis in range(1, x.dim()) if axis not in steps]
    return x.permute(0, *steps, *rest).flatten(1, len(block) + 1)


def batch_to_space(operation: BatchToSpace, x: Tensor) -> Tensor:
    """Put batches together into blocks of pixels."""
    block = operation.block
    x = torch.unflatten(x, 1, (*block, x.shape[1] // prod(block)))
    first = x.dim() - len(block)
    order = [0, *range(len(block) + 1, first)]
    for axis in range(len(block)):
        order += [first + axis, axis + 1]
    x = x.permute(order)
    for axis, crop in enumerate(operation.crops):
        at = x.dim() - 2 * (len(block) - axis) + axis - axis
        x = x.flatten(at, at + 1)
        x = x.narrow(at, crop.before, x.shape[at] - crop.before - crop.after)
    return x
