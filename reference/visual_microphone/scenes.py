"""Rendered scenes: a texture that a known sound moves across by fractions of a pixel, filmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import signal

from reference.visual_microphone.filters import Sound

if TYPE_CHECKING:
    from harness.method import Images

Array = npt.NDArray[np.float64]

# Levels that the texture spans, of 0 to 1.
DARKEST, BRIGHTEST = 0.1, 0.9
CHIRP_HZ = (60.0, 900.0)


def texture(height: int, width: int, seed: int) -> Array:
    """Return a picture [H, W] whose spectrum falls with 1/f, as that of photographs does."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    frequency[0, 0] = np.inf
    spectrum = np.exp(2j * np.pi * rng.random((height, width))) / frequency
    picture = np.fft.ifft2(spectrum).real
    picture -= picture.min()
    return np.asarray(DARKEST + (BRIGHTEST - DARKEST) * picture / picture.max())


def vibrating(picture: Array, motion: Array) -> Array:
    """Return frames [T, H, W] of a picture [H, W] that moves to the right, and comes in again.

    Args:
        picture: What moves.
        motion: [T] pixels in each frame, or [T, H] in each of its rows.
    """
    width = picture.shape[1]
    frequency = np.fft.rfftfreq(width)
    places = motion[:, None] if motion.ndim == 1 else motion
    turns = np.exp(-2j * np.pi * frequency * places[..., None])
    if width % 2 == 0:  # the highest frequency has no sine
        turns[..., -1] = turns[..., -1].real
    return np.fft.irfft(np.fft.rfft(picture, axis=1)[None] * turns, width, axis=2)


def filmed(frames: Array, noise: float, seed: int) -> Array:
    """Return frames with the camera's noise, Gaussian, of a standard deviation in full scale."""
    rng = np.random.default_rng(seed)
    return frames + noise * rng.standard_normal(frames.shape)


def to_bytes(frames: Array) -> Images:
    """Return frames of 0 to 1 as bytes, which a camera stores."""
    return np.asarray((frames * 255).round().clip(0, 255), np.uint8)


def chirp(count: int, rate: float, band: tuple[float, float] = CHIRP_HZ) -> Sound:
    """Return a tone [count] of amplitude 1 that rises from one frequency to another."""
    times = np.arange(count) / rate
    return np.asarray(signal.chirp(times, band[0], times[-1], band[1]))


def speech_like(count: int, rate: float, seed: int) -> Sound:
    """Return chirps [count] like speech: syllables of gliding harmonics under moving resonances.

    Four syllables a second, with pauses; each has a pitch that glides, harmonics up to half of
    the rate, and two resonances that move from one place to another.
    """
    rng = np.random.default_rng(seed)
    length = min(count, max(2, round(rate / 4)))
    parts = [_syllable(length, rate, rng) for _ in range(-(-count // length))]
    sound = np.concatenate(parts)[:count]
    return np.asarray(sound / np.abs(sound).max())


def _syllable(length: int, rate: float, rng: np.random.Generator) -> Sound:
    place = np.linspace(0, 1, length)
    pitch = np.geomspace(rng.uniform(90, 220), rng.uniform(90, 220), length)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    resonances = [
        np.linspace(rng.uniform(low, high), rng.uniform(low, high), length)
        for low, high in ((250, 850), (900, 2300))
    ]
    total = np.zeros(length)
    for number in range(1, int(rate / 2 / pitch.max())):
        frequency = number * pitch
        level = sum(1 / (1 + ((frequency - middle) / 120) ** 2) for middle in resonances)
        total += level * np.sin(number * phase)
    voiced = np.clip(1.25 - np.abs(2.5 * place - 1.25), 0, 1)
    return np.asarray(total * voiced * rng.uniform(0.5, 1))
