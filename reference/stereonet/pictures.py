"""Disparities as pictures, in rows beside those that they are of."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.method import Images

    Map = npt.NDArray[np.floating]

_GAP = 4


def coloured(disparity: Map, most: float) -> Images:
    """Return a disparity as colours: float [H, W] from 0 to `most` → uint8 [H, W, 3].

    Near is yellow, far is dark blue, unknown (0, or no number) is black.
    """
    from matplotlib import colormaps

    known = np.isfinite(disparity) & (disparity > 0)
    share = np.clip(np.where(known, disparity, 0) / most, 0, 1)
    colours = (colormaps["viridis"](share)[..., :3] * 255).round().astype(np.uint8)
    return np.asarray(np.where(known[..., None], colours, 0), np.uint8)


def png(rows: Sequence[Sequence[Images]]) -> bytes:
    """Return rows of pictures, uint8 [H, W, 3] of one size, as a PNG."""
    lines = [_joined(row, axis=1) for row in rows]
    buffer = io.BytesIO()
    Image.fromarray(_joined(lines, axis=0)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _joined(parts: Sequence[Images], axis: int) -> Images:
    shape = list(parts[0].shape)
    shape[axis] = _GAP
    gap = np.full(shape, 255, np.uint8)
    return np.concatenate([one for part in parts for one in (part, gap)][:-1], axis=axis)
