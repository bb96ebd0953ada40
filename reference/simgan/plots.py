"""The bytes of pictures, and the curves of a training as a PNG file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from reference.simgan.history import History

if TYPE_CHECKING:
    from harness.method import Images

DPI = 110


def as_bytes(values: np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> Images:
    """Return pictures of −1 to 1 as the bytes that stand for them."""
    return np.asarray(((values.clip(-1, 1) + 1) * 127.5).round(), np.uint8)


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
