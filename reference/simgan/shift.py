"""How far refining moves the iris: labels are kept only if it stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

# Pixels around the drawn centre in which the iris is looked for.
REACH = 10.0

Floats = npt.NDArray[np.floating[Any]]


def iris_centres(images: Floats, near: Floats) -> Floats:
    """Return the centre of darkness around the place where an iris was drawn.

    Darkness counts by how far a pixel is below the median of the neighbourhood. Lids and lashes
    pull the centre, in both pictures of a pair alike, so that differences are what tells.

    Args:
        images: [N, 1, H, W], on any scale.
        near: Centres that are known, [N, 2]: x, y.

    Returns:
        [N, 2]: x, y in pixels.
    """
    rows = np.arange(images.shape[2])[None, :, None]
    columns = np.arange(images.shape[3])[None, None, :]
    x, y = near[:, 0, None, None], near[:, 1, None, None]
    inside = np.hypot(columns - x, rows - y) <= REACH
    around = np.where(inside, images[:, 0], np.nan)
    median = np.nanmedian(around, axis=(1, 2), keepdims=True)
    dark = np.where(inside, np.maximum(median - images[:, 0], 0), 0)
    mass = dark.sum(axis=(1, 2)) + 1e-9
    found = [(dark * columns).sum(axis=(1, 2)) / mass, (dark * rows).sum(axis=(1, 2)) / mass]
    return np.stack(found, axis=1)


def iris_shift(before: Floats, after: Floats, near: Floats) -> Floats:
    """Return how many pixels apart the iris lies in two versions of the same pictures, [N]."""
    moved = iris_centres(after, near) - iris_centres(before, near)
    return np.asarray(np.hypot(moved[:, 0], moved[:, 1]))
