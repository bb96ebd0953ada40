"""Pooling on the CPU."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from harness.kmodel.operations import AveragePool, MaxPool, Padding, ReduceOp, ReduceWindow2d
from harness.simulator.operations.elementwise import clamped
from harness.simulator.operations.reduction import COMBINE

_NEUTRAL = {
    ReduceOp.MEAN: 0.0,
    ReduceOp.SUM: 0.0,
    ReduceOp.MIN: float("inf"),
    ReduceOp.MAX: float("-inf"),
}


def reduce_window2d(operation: ReduceWindow2d, x: Tensor) -> Tensor:
    """Reduce each window, line by line; a mean counts the elements inside the image."""
    if operation.channels_last:
        x = x.movedim(-1, 2)
    last = x.shape[1], x.shape[2]
    height, width = (
        operation.output.shape[1:3] if operation.channels_last else operation.output.shape[2:]
    )
    padded = _padded(x, operation.padding_h, operation.padding_w, _NEUTRAL[operation.op])
    inside = _padded(torch.ones_like(x[:1, :1, :1]), operation.padding_h, operation.padding_w, 0)
    shape = x.shape[0], *last, height, width
    result = torch.full(shape, operation.initial, dtype=x.dtype, device=x.device)
    count = torch.zeros((1, 1, 1, height, width), device=x.device)
    for line in range(operation.filter[0]):
        for column in range(operation.filter[1]):
            at = line * operation.dilation[0], column * operation.dilation[1]
            result = COMBINE[operation.op](
                result, _window(padded, at, operation.stride, (height, width))
            )
            count += _window(inside, at, operation.stride, (height, width))
    if operation.op is ReduceOp.MEAN:
        result = result / count
    result = clamped(result, operation.clamp)
    return result.movedim(2, -1) if operation.channels_last else result


def _padded(x: Tensor, lines: Padding, columns: Padding, value: float) -> Tensor:
    sizes = (columns.before, columns.after, lines.before, lines.after)
    return functional.pad(x, sizes, value=value)


def _window(
    x: Tensor, at: tuple[int, int], stride: tuple[int, int], size: tuple[int, ...]
) -> Tensor:
    """Return the element at a place of every window."""
    lines = slice(at[0], at[0] + (size[0] - 1) * stride[0] + 1, stride[0])
    columns = slice(at[1], at[1] + (size[1] - 1) * stride[1] + 1, stride[1])
    return x[..., lines, columns]


def _vendor_pool(operation: MaxPool | AveragePool, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the pixels of every window, and which of them lie in the image, along a last axis."""
    height, width = operation.output.shape[2:]
    reach = [
        (out - 1) * step + kernel
        for out, step, kernel in zip(
            (height, width), operation.stride, operation.filter, strict=True
        )
    ]
    before = operation.padding
    after = [max(n - p - size, 0) for n, p, size in zip(reach, before, x.shape[-2:], strict=True)]
    sizes = (before[1], after[1], before[0], after[0])
    padded = functional.pad(x, sizes)
    inside = functional.pad(torch.ones_like(x[:1, :1, :1]), sizes)
    places = [(a, b) for a in range(operation.filter[0]) for b in range(operation.filter[1])]
    return tuple(  # type: ignore[return-value]
        torch.stack([_window(t, at, operation.stride, (height, width)) for at in places], -1)
        for t in (padded, inside)
    )


def max_pool(operation: MaxPool, x: Tensor) -> Tensor:
    """Greatest byte of each window (v3)."""
    return _vendor_pool(operation, x)[0].amax(-1)


def average_pool(operation: AveragePool, x: Tensor) -> Tensor:
    """Mean of the pixels of each window that lie in the image (v3)."""
    pixels, inside = _vendor_pool(operation, x)
    total = torch.zeros_like(pixels[..., 0])
    for part in pixels.unbind(-1):
        total = total + part
    return total / inside.sum(-1)
