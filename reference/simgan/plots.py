"""Pictures side by side and the curves of a training, as PNG files."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from reference.simgan.history import History

if TYPE_CHECKING:
    from harness.method import Images

DPI = 110
ENLARGED = 3
_GAP = 2


def as_bytes(values: np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> Images:
    """Return pictures of −1 to 1 as the bytes that stand for them."""
    return np.asarray(((values.clip(-1, 1) + 1) * 127.5).round(), np.uint8)


def rows_png(rows: Sequence[Images]) -> bytes:
    """Return rows of grey pictures as one PNG, enlarged.

    Args:
        rows: uint8 [N, 1, H, W] each, with the same N, H and W.
    """
    lines = [_line(images) for images in rows]
    gap = np.full((_GAP, lines[0].shape[1]), 255, np.uint8)
    sheet = np.concatenate([part for line in lines for part in (line, gap)][:-1])
    size = (sheet.shape[1] * ENLARGED, sheet.shape[0] * ENLARGED)
    buffer = io.BytesIO()
    Image.fromarray(sheet).resize(size, Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()


def curves_png(history: History) -> bytes:
    """Return each loss term over the steps, and the discriminator's accuracy."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curves = _curves(history)
    figure = Figure(figsize=(3.2 * len(curves), 3), layout="constrained")
    FigureCanvasAgg(figure)
    for number, (name, points) in enumerate(curves.items(), 1):
        axes = figure.add_subplot(1, len(curves), number)
        axes.plot([step for step, _ in points], [value for _, value in points])
        axes.set_title(name, fontsize=8)
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def _curves(history: History) -> Mapping[str, list[tuple[int, float]]]:
    curves: dict[str, list[tuple[int, float]]] = {}
    for row in history.rows:
        for name, value in row.terms.items():
            curves.setdefault(name, []).append((row.step, value))
    return curves


def _line(images: Images) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    height = images.shape[2]
    gap = np.full((height, _GAP), 255, np.uint8)
    parts = [part for image in images for part in (image[0], gap)][:-1]
    return np.concatenate(parts, axis=1)
