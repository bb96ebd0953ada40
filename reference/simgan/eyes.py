"""Rendered eyes: a clean simulator that knows every gaze, and a camera that spoils its picture.

Both draw the same anatomy from the same distribution; the camera adds what a simulator leaves out:
skin, lashes, the shadow of the lid, a highlight, uneven light, blur and sensor noise. It stands in
for photographs, of which a machine without network has none. Every picture depends on the seed and
its own number alone, so that a smaller set is the beginning of a larger one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from reference.simgan.structure import EYE

Array = npt.NDArray[np.float64]
Domain = Literal["synthetic", "camera"]

HEIGHT, WIDTH = EYE
YAW, PITCH = np.deg2rad(28), np.deg2rad(18)
# How far the iris lies before the eyeball's centre, in pixels.
EYEBALL = 15.0
_CHUNK = 500


@dataclass(frozen=True)
class Eyes:
    """Pictures of eyes, and what is known of them.

    Attributes:
        images: uint8 [N, 1, 35, 55].
        gaze: Directions of length 1, float32 [N, 3]: right, up, towards the viewer.
        iris: Centre of the iris in pixels from the top left corner, float32 [N, 2]: x, y.
    """

    images: npt.NDArray[np.uint8]
    gaze: npt.NDArray[np.float32]
    iris: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.images)


def render(count: int, seed: int, domain: Domain) -> Eyes:
    """Return `count` eyes; the same seed gives other people in another domain."""
    parts = [
        _render(range(start, min(start + _CHUNK, count)), seed, domain)
        for start in range(0, count, _CHUNK)
    ]
    return Eyes(
        images=np.concatenate([part.images for part in parts]),
        gaze=np.concatenate([part.gaze for part in parts]),
        iris=np.concatenate([part.iris for part in parts]),
    )


def _render(numbers: range, seed: int, domain: Domain) -> Eyes:
    streams = [np.random.default_rng([seed, domain == "camera", number]) for number in numbers]
    draw = _Draw(streams)
    anatomy = _Anatomy(draw)
    pixels = anatomy.picture(draw)
    if domain == "camera":
        pixels = _photograph(pixels, anatomy, draw)
    images = (pixels.clip(0, 1) * 255).round().astype(np.uint8)[:, None]
    return Eyes(images, anatomy.gaze.astype(np.float32), anatomy.iris.astype(np.float32))


class _Draw:
    """Random numbers of many pictures at once, each from its picture's own stream."""

    def __init__(self, streams: list[np.random.Generator]) -> None:
        self._streams = streams

    def between(self, low: float, high: float) -> Array:
        """Return uniform numbers, [N, 1, 1]."""
        values = [stream.uniform(low, high) for stream in self._streams]
        return np.array(values)[:, None, None]

    def noise(self, rows: int, columns: int) -> Array:
        """Return normal numbers, [N, rows, columns]."""
        return np.stack([stream.standard_normal((rows, columns)) for stream in self._streams])

    def texture(self, cell: int) -> Array:
        """Return noise whose grains are `cell` pixels wide, [N, 35, 55], deviation about 1."""
        coarse = self.noise(HEIGHT // cell + 2, WIDTH // cell + 2)
        fine = coarse.repeat(cell, axis=1).repeat(cell, axis=2)[:, :HEIGHT, :WIDTH]
        return fine if cell == 1 else _blur(fine, np.full((len(coarse), 1, 1), cell / 2)) * 1.5


class _Anatomy:
    """Lids, eyeball, iris and pupil of many eyes, drawn from the streams."""

    def __init__(self, draw: _Draw) -> None:
        yaw, pitch = draw.between(-YAW, YAW), draw.between(-PITCH, PITCH)
        x, y = draw.between(25.0, 29.0), draw.between(16.5, 19.5)
        rows = np.arange(HEIGHT, dtype=float)[None, :, None]
        columns = np.arange(WIDTH, dtype=float)[None, None, :]
        roll = draw.between(-0.09, 0.09)
        self.down = rows - y - roll * (columns - x)
        half_width = draw.between(18.0, 22.0)
        arch = (1 - ((columns - x) / half_width) ** 2).clip(-1.5, 1)
        # The upper lid follows the eye.
        self.upper = -(draw.between(6.5, 9.5) + 5 * np.sin(pitch)) * arch
        self.lower = draw.between(4.5, 6.5) * arch
        self.opening = _step(self.down - self.upper) * _step(self.lower - self.down)
        iris_x = x + EYEBALL * np.sin(yaw) * np.cos(pitch)
        iris_y = y - EYEBALL * np.sin(pitch)
        self.iris = np.concatenate([iris_x, iris_y], axis=2)[:, 0]
        self.gaze = np.concatenate(
            [np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)], axis=2
        )[:, 0]
        self.across = (columns - iris_x) / np.cos(yaw)
        self.along = (rows - iris_y) / np.cos(pitch)
        self.columns, self.rows = columns, rows
        distance = np.hypot(self.across, self.along)
        radius = draw.between(6.0, 7.5)
        self.in_iris = _step(radius - distance)
        self.in_pupil = _step(radius * draw.between(0.3, 0.5) - distance)

    def picture(self, draw: _Draw) -> Array:
        """Return the clean picture, [N, 35, 55], 0 to 1."""
        skin = draw.between(0.45, 0.75) + 0.02 * draw.texture(1)
        ball = draw.between(0.8, 0.95) + 0.01 * draw.texture(1)
        ball = _over(ball, draw.between(0.15, 0.45) + 0.02 * draw.texture(1), self.in_iris)
        ball = _over(ball, np.array(0.05), self.in_pupil)
        pixels = _over(skin, ball, self.opening)
        line = np.exp(-((self.down - self.upper) ** 2) / 1.5) * (self.lower > self.upper)
        return _over(pixels, np.array(0.2), 0.7 * line)


def _photograph(pixels: Array, anatomy: _Anatomy, draw: _Draw) -> Array:
    """Return what a camera makes of clean pictures, [N, 35, 55]."""
    below = anatomy.down - anatomy.upper
    skin = 0.04 * draw.texture(4) + 0.02 * draw.texture(2)
    pixels = pixels + skin * (1 - anatomy.opening)
    # Eyeballs are less white, and darkest under the lid.
    shade = 0.7 - 0.4 * np.exp(-below.clip(0) / draw.between(2.0, 4.0))
    pixels = pixels * (1 - anatomy.opening * (1 - shade))
    lashes = 0.5 + 0.5 * np.sin(anatomy.columns * draw.between(1.5, 2.2) + draw.between(0, 6.3))
    rim = np.exp(-((below + 1.5) ** 2) / 4) * (anatomy.lower > anatomy.upper)
    pixels = _over(pixels, np.array(0.1), 0.8 * lashes * rim)
    spot = np.exp(-((anatomy.across + 2.0) ** 2 + (anatomy.along + 2.0) ** 2) / 1.5)
    pixels = _over(pixels, np.array(1.0), draw.between(0.4, 1.0) * spot * anatomy.opening)
    light = draw.between(-0.3, 0.3) * (anatomy.columns / WIDTH - 0.5)
    light = light + draw.between(-0.3, 0.3) * (anatomy.rows / HEIGHT - 0.5)
    pixels = (pixels * (0.85 + light)).clip(0.01, 1) ** draw.between(0.9, 1.4)
    pixels = _blur(pixels, draw.between(0.6, 1.1))
    return pixels + draw.between(0.015, 0.035) * draw.noise(HEIGHT, WIDTH)


def _step(distance: Array) -> Array:
    """Return 0 outside and 1 inside, with an edge one pixel wide."""
    return (distance + 0.5).clip(0, 1)


def _over(ground: Array, paint: Array, share: Array) -> Array:
    return ground + (paint - ground) * share


def _blur(pixels: Array, sigma: Array) -> Array:
    """Return pictures blurred by a Gaussian of their own width, mirrored at the edges."""
    reach = 4
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-(offsets**2) / (2 * sigma[:, 0] ** 2))
    kernel /= kernel.sum(axis=1, keepdims=True)
    for axis in (1, 2):
        spare = [(reach, reach) if axis == place else (0, 0) for place in range(3)]
        padded = np.pad(pixels, spare, mode="reflect")
        size = pixels.shape[axis]
        pixels = np.zeros_like(pixels)
        for place in range(len(offsets)):
            shifted = padded.take(range(place, place + size), axis)
            pixels += kernel[:, place, None, None] * shifted
    return pixels
