"""Resizing of images.

Source: nncase v1.9.0 and v0.2.0-beta4 `resize_image.cpp`; positions are float32.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from harness.kmodel.operations import Resize, ResizeMode


def resize(operation: Resize, x: Tensor) -> Tensor:
    """Return images of the output's size (v5)."""
    if operation.mode is ResizeMode.BILINEAR:
        return _bilinear(operation, x)
    return _nearest(operation, x, _nearest_v5)


def resize_v4(operation: Resize, x: Tensor) -> Tensor:
    """Return images of the output's size; nearest neighbours do not look at the options (v4)."""
    if operation.mode is ResizeMode.BILINEAR:
        return _bilinear(operation, x)
    return _nearest(operation, x, _nearest_v4)


def resize_v3(operation: Resize, x: Tensor) -> Tensor:
    """Return images of the output's size; kendryte-standalone-sdk `kpu.c` looks at no option."""
    return _nearest(operation, x, _nearest_v4)


def _nearest(operation: Resize, x: Tensor, places: Callable[[Resize, int, int], Tensor]) -> Tensor:
    height, width = operation.output.shape[2:]
    lines = places(operation, x.shape[-2], height).to(x.device)
    columns = places(operation, x.shape[-1], width).to(x.device)
    return x[..., lines, :][..., columns]


def _nearest_v5(operation: Resize, size: int, result: int) -> Tensor:
    steps = torch.arange(result, dtype=torch.float32)
    at = (steps + 0.5 * operation.half_pixel_centers) * _scale(operation, size, result)
    if operation.align_corners:
        at = at + 0.5
    return torch.floor(at).to(torch.int64).clamp(0, size - 1)


def _nearest_v4(_operation: Resize, size: int, result: int) -> Tensor:
    at = torch.arange(result, dtype=torch.float32) * (torch.tensor(float(size)) / result)
    return torch.floor(at).to(torch.int64).clamp(0, size - 1)


def _scale(operation: Resize, size: int, result: int) -> Tensor:
    if operation.align_corners and result > 1:
        return torch.tensor(size - 1.0) / (result - 1)
    return torch.tensor(float(size)) / result


def _positions(operation: Resize, size: int, result: int) -> Tensor:
    steps = torch.arange(result, dtype=torch.float32)
    scale = _scale(operation, size, result)
    if operation.half_pixel_centers:
        return (steps + 0.5) * scale - 0.5
    return steps * scale


def _bilinear(operation: Resize, x: Tensor) -> Tensor:
    lines, columns = (
        _positions(operation, size, result).to(x.device)
        for size, result in zip(x.shape[-2:], operation.output.shape[2:], strict=True)
    )
    # Positions may lie before the first pixel: its weight is then above 1, as in the runtime.
    top, left = (torch.floor(at).to(torch.int64).clamp(min=0) for at in (lines, columns))
    bottom = (torch.floor(lines).to(torch.int64) + 1).clamp(max=x.shape[-2] - 1)
    right = (torch.floor(columns).to(torch.int64) + 1).clamp(max=x.shape[-1] - 1)
    down, across = (lines - top)[:, None], columns - left
    values = x.float()
    result = values[..., top, :][..., left] * ((1 - down) * (1 - across))
    result = result + values[..., bottom, :][..., left] * (down * (1 - across))
    result = result + values[..., top, :][..., right] * ((1 - down) * across)
    result = result + values[..., bottom, :][..., right] * (down * across)
    return result.to(x.dtype)
