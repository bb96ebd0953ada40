"""Pooling of regions.

Source: nncase v1.9.0 `roi_align.cpp`; everything is float32.
"""

from __future__ import annotations

from math import ceil

import torch
from torch import Tensor

from harness.kmodel.operations import RoiAlign, RoiMode

_Axis = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def roi_align(operation: RoiAlign, x: Tensor, regions: Tensor, batches: Tensor) -> Tensor:
    """Return [B, regions, C, h, w] for images [B, N, C, H, W] and corners [B, regions, 4]."""
    items = max(x.shape[0], regions.shape[0], batches.shape[0])
    x, regions, batches = (t.expand(items, *t.shape[1:]) for t in (x, regions, batches))
    return torch.stack(
        [
            torch.stack(
                [
                    _region(operation, images[int(image)], corners)
                    for corners, image in zip(boxes, places, strict=True)
                ]
            )
            for images, boxes, places in zip(x, regions, batches, strict=True)
        ]
    )


def _region(operation: RoiAlign, image: Tensor, corners: Tensor) -> Tensor:
    """Return [C, h, w] for one region of an image [C, H, W]."""
    height, width = operation.output.shape[2:]
    left, top, right, bottom = corners * operation.spatial_scale
    lines = _samples(operation, top, bottom, height, image.shape[1])
    columns = _samples(operation, left, right, width, image.shape[2])
    taps = _taps(image, lines, columns)
    if operation.mode is RoiMode.MAX:
        first, *rest = taps
        for tap in rest:
            first = torch.maximum(first, tap)
        return first.amax((2, 4))
    weighed = taps[0] + taps[1] + taps[2] + taps[3]
    samples = weighed.permute(0, 1, 3, 2, 4).flatten(3)
    total = torch.zeros_like(samples[..., 0])
    for sample in samples.unbind(-1):
        total = total + sample
    return total / samples.shape[-1]


def _samples(operation: RoiAlign, start: Tensor, end: Tensor, bins: int, size: int) -> _Axis:
    """Return inside, pixel, next pixel and their weights, [bins, samples] each."""
    length = torch.maximum(end - start, torch.ones_like(start))
    step = length / bins
    count = operation.sampling_ratio or ceil(float(length / bins))
    bin_, sample = (
        torch.arange(n, dtype=torch.float32, device=start.device) for n in (bins, count)
    )
    at = (start + bin_ * step)[:, None] + (sample + 0.5) * step / count
    inside = (at >= -1) & (at <= size)
    at = at.clamp(min=0)
    low = at.to(torch.int64).clamp(max=size - 1)
    at = torch.where(low >= size - 1, low.to(at.dtype), at)
    behind = at - low
    return inside, low, (low + 1).clamp(max=size - 1), 1 - behind, behind


def _taps(image: Tensor, lines: _Axis, columns: _Axis) -> list[Tensor]:
    """Return the four weighed neighbours of each sample, [C, h, samples, w, samples] each."""
    inside = lines[0][:, :, None, None] & columns[0]
    taps = []
    for line, line_weight in ((1, 3), (2, 4)):
        for column, column_weight in ((1, 3), (2, 4)):
            values = image[:, lines[line]][..., columns[column]]
            weight = lines[line_weight][:, :, None, None] * columns[column_weight]
            taps.append(torch.where(inside, values * weight, 0))
    return taps
