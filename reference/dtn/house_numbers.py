"""S of the small experiment: handwritten digits as a camera might see them on house walls.

Street View House Numbers, the S of the paper, cannot be had without a network. These pictures
have what makes it hard: any two colours, uneven light, neighbouring digits that are cut off,
slant, blur and noise. The digits themselves are real ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageFilter

if TYPE_CHECKING:
    from harness.method import Images

SIDE = 32
CLASSES = tuple("0123456789")
# Drawn larger, so that slanting and shrinking leave smooth edges.
SCALE = 2
# Least difference in lightness of digit and wall, in grey levels.
CONTRAST = 60
TILT_DEGREES = 10
SLANT = 0.25
STRETCH = (0.75, 1.3)
SHIFT = 2.5
HEIGHTS = (20, 31)
NEIGHBOUR_SHARE = 0.4
BLUR = 0.8
NOISE = 16
LIGHT = 40

Floats = npt.NDArray[np.float64]


def house_numbers(
    digits: Images, labels: npt.NDArray[np.int64], count: int, seed: int
) -> tuple[Images, npt.NDArray[np.int64]]:
    """Render pictures; each depends on the digits, the seed and its own number only.

    Args:
        digits: What is painted on the walls, uint8 [M, 8, 8], light on dark.
        labels: Which digits they are, int64 [M].
        count: How many pictures.
        seed: Which series.

    Returns:
        uint8 [N, 3, 32, 32] in RGB, and the digits in their middle, int64 [N].
    """
    images = np.empty((count, 3, SIDE, SIDE), np.uint8)
    shown = np.empty(count, np.int64)
    for place in range(count):
        rng = np.random.default_rng([seed, place])
        chosen = rng.integers(len(digits), size=3)
        shown[place] = labels[chosen[0]]
        images[place] = _photograph(digits[chosen], rng)
    return images, shown


def _photograph(digits: Images, rng: np.random.Generator) -> Images:
    """Return one picture of a digit and, now and then, its two neighbours: uint8 [3, 32, 32]."""
    mask = _painted(digits, rng)[..., None]
    wall, ink = _colours(rng)
    pixels = (wall * (1 - mask) + ink * mask) + _light(rng)[..., None]
    pixels += rng.normal(0, rng.uniform(0, NOISE), pixels.shape)
    return pixels.round().clip(0, 255).astype(np.uint8).transpose(2, 0, 1)


def _painted(digits: Images, rng: np.random.Generator) -> Floats:
    """Return how much of each pixel is ink, [32, 32] in 0 to 1."""
    height = round(SCALE * rng.uniform(*HEIGHTS))
    canvas = Image.new("L", (SIDE * SCALE, SIDE * SCALE))
    centre = canvas.width / 2 + SCALE * rng.uniform(-SHIFT, SHIFT, 2)
    apart = height * rng.uniform(0.75, 0.95)
    for digit, side in zip(digits, (0, -1, 1), strict=True):
        if side == 0 or rng.random() < NEIGHBOUR_SHARE:
            canvas = _with(canvas, digit, height, centre + np.array([side * apart, 0]))
    seen = _from_aside(canvas, centre, rng)
    blurred = seen.filter(ImageFilter.GaussianBlur(SCALE * rng.uniform(0, BLUR)))
    small = blurred.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, np.float64) / 255


def _with(canvas: Image.Image, digit: Images, height: int, centre: Floats) -> Image.Image:
    """Return a canvas with a digit of a height in pixels around a point."""
    layer = Image.new("L", canvas.size)
    x, y = (centre - height / 2).round().astype(int)
    layer.paste(Image.fromarray(digit).resize((height, height), Image.Resampling.BICUBIC), (x, y))
    return ImageChops.lighter(canvas, layer)


def _from_aside(canvas: Image.Image, centre: Floats, rng: np.random.Generator) -> Image.Image:
    """Tilt, slant and stretch a drawing around a point."""
    angle, slant = np.radians(rng.uniform(-TILT_DEGREES, TILT_DEGREES)), rng.uniform(-SLANT, SLANT)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    back = np.array([[1 / rng.uniform(*STRETCH), slant], [0, 1]]) @ turn
    x, y = centre - back @ centre
    (a, b), (c, d) = back
    return canvas.transform(
        canvas.size, Image.Transform.AFFINE, (a, b, x, c, d, y), Image.Resampling.BILINEAR
    )


def _colours(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return two colours, light on dark as often as dark on light."""
    while True:
        wall, ink = rng.uniform(0, 255, (2, 3))
        if abs(wall.mean() - ink.mean()) >= CONTRAST:
            return wall, ink


def _light(rng: np.random.Generator) -> Floats:
    """Return light that falls off in one direction, [32, 32] in grey levels around zero."""
    axis = np.linspace(-0.5, 0.5, SIDE)
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, LIGHT)
    return np.asarray(strength * (np.cos(angle) * axis[None] + np.sin(angle) * axis[:, None]))
