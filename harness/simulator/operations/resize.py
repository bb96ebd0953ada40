"""Resizing of images.

Source: nncase v1.9.0 and v0.2.0-beta4 `resize_image.cpp`; positions are float32.
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness.kmodel.operations import Resize, ResizeMode
from harness.simulator.errors import unsupported


def resize(operation: Resize, x: Tensor) -> Tensor:
    """Return images of the output's size."""
    height, width = operation.output.shape[2:]
    if operation.mode is ResizeMode.NEAREST:
        lines = _nearest(operation, x.shape[-2], height).to(x.device)
        columns = _nearest(operation, x.shape[-1], width).to(x.device)
        return x[..., lines, :][..., columns]
    return _bilinear(operation, x, height, width)


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


def _nearest(operation: Resize, size: int, result: int) -> Tensor:
    if operation.align_corners or operation.half_pixel_centers:
        raise unsupported(operation, "nearest neighbours other than of the upper left corner")
    return torch.floor(_positions(operation, size, result)).to(torch.int64).clamp(0, size - 1)


def _bilinear(operation: Resize, x: Tensor, height: int, width: int) -> Tensor:
    lines, columns = (
        _positions(operation, size, result).to(x.device).clamp(min=0)
        for size, result in zip(x.shape[-2:], (height, width), strict=True)
    )
    top, left = (torch.floor(at).to(torch.int64) for at in (lines, columns))
    bottom = (top + 1).clamp(max=x.shape[-2] - 1)
    right = (left + 1).clamp(max=x.shape[-1] - 1)
    down, across = (lines - top)[:, None], columns - left
    values = x.float()
    result = values[..., top, :][..., left] * ((1 - down) * (1 - across))
    result = result + values[..., bottom, :][..., left] * (down * (1 - across))
    result = result + values[..., top, :][..., right] * ((1 - down) * across)
    result = result + values[..., bottom, :][..., right] * (down * across)
    return result.to(x.dtype)
