"""Resizing: v4 knows corners of pixels only, so that other positions are picked one by one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.convert.draft import FLOAT, Draft, refuse
from harness.convert.picks import nearest_places, picked, resized
from harness.convert.rules import Written
from harness.convert.v4 import steps
from harness.convert.v4.registry import rule
from harness.kmodel.memory import Buffer
from harness.kmodel.operations import BinaryOp, Resize, ResizeMode

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


@rule(Resize)
def resize(draft: Draft, operation: Resize, x: Buffer) -> Written:
    """Resize NCHW images."""
    size = operation.output.shape[2], operation.output.shape[3]
    if operation.mode is ResizeMode.NEAREST:
        return _nearest(draft, operation, x, size)
    if not operation.half_pixel_centers:
        corners = operation.align_corners
        return Written((resized(draft, x, size, ResizeMode.BILINEAR, corners),))
    if x.dtype is not FLOAT:
        refuse("it looks at the centres of pixels, on bytes")
    result = _bilinear(draft, operation, x, size)
    return Written((result,), "the same four products, in the same order")


def _nearest(draft: Draft, operation: Resize, x: Buffer, size: tuple[int, int]) -> Written:
    if nearest_agrees(draft, operation, x):
        return Written((resized(draft, x, size, ResizeMode.NEAREST, False),))
    for axis in (2, 3):
        x = picked(draft, x, axis, _places(draft, operation, x.shape[axis], size[axis - 2]))
    return Written((x,), "the same neighbours are picked")


def nearest_agrees(draft: Draft, operation: Resize, x: Buffer) -> bool:
    """Return whether the older runtimes pick the neighbours that the operation wants."""
    sizes = zip(x.shape[2:], operation.output.shape[2:], strict=True)
    return all((_places(draft, operation, *axis) == nearest_places(*axis)).all() for axis in sizes)


def _places(draft: Draft, operation: Resize, size: int, result: int) -> Integers:
    if draft.program.version != 5:
        return nearest_places(size, result)
    steps_ = np.arange(result, dtype=np.float32)
    at = (steps_ + np.float32(0.5 * operation.half_pixel_centers)) * _scale(operation, size, result)
    if operation.align_corners:
        at = at + np.float32(0.5)
    return np.asarray(np.clip(np.floor(at), 0, size - 1), np.int64)


def _scale(operation: Resize, size: int, result: int) -> np.float32:
    if operation.align_corners and result > 1:
        return np.float32(size - 1) / np.float32(result - 1)
    return np.float32(size) / np.float32(result)


def _neighbours(operation: Resize, size: int, result: int) -> tuple[Integers, Integers, Floats]:
    """Return the pixels before and behind each position, and the share of the second."""
    half = np.float32(0.5)
    at = (np.arange(result, dtype=np.float32) + half) * _scale(operation, size, result) - half
    floor = np.floor(at).astype(np.int64)
    before, behind = np.maximum(floor, 0), np.minimum(floor + 1, size - 1)
    return before, behind, at - before.astype(np.float32)


def _bilinear(draft: Draft, operation: Resize, x: Buffer, size: tuple[int, int]) -> Buffer:
    (top, bottom, down), (left, right, across) = (
        _neighbours(operation, *axis) for axis in zip(x.shape[2:], size, strict=True)
    )
    lines = [picked(draft, x, 2, places) for places in (top, bottom)]
    one = np.float32(1)
    down = down[:, None]
    corners = (
        (lines[0], left, (one - down) * (one - across)),
        (lines[1], left, down * (one - across)),
        (lines[0], right, (one - down) * across),
        (lines[1], right, down * across),
    )
    total: Buffer | None = None
    for line, places, share in corners:
        pixels = picked(draft, line, 3, places)
        product = steps.binary(draft, BinaryOp.MUL, pixels, draft.constant(share))
        total = product if total is None else steps.binary(draft, BinaryOp.ADD, total, product)
    assert total is not None
    return total
