"""Spectrograms as PNG files."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from scipy import signal

from reference.visual_microphone.filters import Sound, scaled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 110
# Windows across a spectrogram, and what is drawn as silence below its loudest place.
WINDOWS, RANGE_DB = 90, 60.0


def spectrogram_png(sounds: Mapping[str, Sound], rate: float) -> bytes:
    """Return spectrograms of sounds [T] below each other, each in dB below its loudest."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.5 + 1.9 * len(sounds)), layout="constrained")
    FigureCanvasAgg(figure)
    for number, (name, sound) in enumerate(sounds.items(), 1):
        draw(figure.add_subplot(len(sounds), 1, number), sound, rate, name)
    return png_bytes(figure)


def draw(axes: Axes, sound: Sound, rate: float, title: str) -> None:
    """Draw one spectrogram."""
    window = max(16, min(512, 2 * len(sound) // WINDOWS))
    frequency, time, power = signal.spectrogram(
        scaled(sound), rate, nperseg=min(window, len(sound)), noverlap=min(window, len(sound)) // 2
    )
    level = 10 * np.log10(np.maximum(power, 1e-20) / max(power.max(), 1e-20))
    axes.pcolormesh(time, frequency, level, vmin=-RANGE_DB, vmax=0, shading="auto", cmap="magma")
    axes.set_title(title, fontsize=9, loc="left")
    axes.set_ylabel("Hz", fontsize=8)
    axes.set_xlabel("s", fontsize=8)
    axes.tick_params(labelsize=7)


def png_bytes(figure: object) -> bytes:
    """Return a figure of matplotlib as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})  # type: ignore[attr-defined]
    return buffer.getvalue()
