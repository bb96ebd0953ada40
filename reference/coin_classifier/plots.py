"""Curves of a training and the confusion matrix, as PNG files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from reference.coin_classifier.history import Epoch, History, Score

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 110


def curves_png(history: History) -> bytes:
    """Return loss and accuracy over the epochs, training and validation, side by side."""
    figure = _figure(9, 3.6)
    left, right = figure.subplots(1, 2)
    _curves(left, history.epochs, "Loss", lambda score: score.loss)
    _curves(right, history.epochs, "Accuracy", lambda score: score.accuracy)
    right.set_ylim(0, 1.02)
    return _png(figure)


def confusion_png(matrix: npt.NDArray[np.int64], classes: tuple[str, ...]) -> bytes:
    """Return the confusion matrix as a picture.

    Args:
        matrix: int64 [K, K], row the true class, column the predicted one.
        classes: K names.
    """
    figure = _figure(2 + 0.6 * len(classes), 1.6 + 0.6 * len(classes))
    axes = figure.subplots()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=colour)
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="Predicted", ylabel="True", title="Confusion matrix")
    return _png(figure)


def _curves(axes: Axes, epochs: list[Epoch], title: str, value: Callable[[Score], float]) -> None:
    places = range(1, len(epochs) + 1)
    axes.plot(places, [value(epoch.train) for epoch in epochs], label="training, augmented")
    axes.plot(places, [value(epoch.valid) for epoch in epochs], label="validation")
    axes.set(title=title, xlabel="Epoch")
    axes.grid(alpha=0.3)
    axes.legend()


def _figure(width: float, height: float) -> Figure:
    # A figure of its own canvas: pyplot would look for a display and keep global state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()
