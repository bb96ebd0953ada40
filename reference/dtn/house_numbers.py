"""S of the small experiment: digits of many typefaces as a camera might see them on house walls.

Street View House Numbers, the S of the paper, cannot be had without a network. These pictures
have what makes it hard: printed shapes, any two colours, uneven light, neighbouring digits that
are cut off, blur and noise. The typefaces are those that come with Matplotlib.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

if TYPE_CHECKING:
    from harness.method import Images

SIDE = 32
# Drawn larger, so that turning and shrinking leave smooth edges.
SCALE = 3
CLASSES = tuple("0123456789")
TYPEFACES = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSans-BoldOblique",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-Italic",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralItalic",
    "cmr10",
    "cmb10",
    "cmss10",
    "cmtt10",
)
# Least difference in lightness of digit and wall, in grey levels.
CONTRAST = 60
TILT_DEGREES = 12
SLANT = 0.3
STRETCH = (0.75, 1.5)
SHIFT = 3
# Font sizes; a digit is about three quarters as high.
HEIGHTS = (22, 40)
NEIGHBOUR_SHARE = 0.5
BLUR = 0.9
NOISE = 14
LIGHT = 40


def house_numbers(count: int, seed: int, start: int = 0) -> tuple[Images, npt.NDArray[np.int64]]:
    """Render pictures; each depends on the seed and its own number only.

    Args:
        count: How many.
        seed: Which series.
        start: Number of the first.

    Returns:
        uint8 [N, 3, 32, 32] in RGB, and the digits, int64 [N].
    """
    images = np.empty((count, 3, SIDE, SIDE), np.uint8)
    labels = np.empty(count, np.int64)
    for place in range(count):
        rng = np.random.default_rng([seed, start + place])
        labels[place] = rng.integers(10)
        images[place] = _photograph(int(labels[place]), rng)
    return images, labels


def _photograph(digit: int, rng: np.random.Generator) -> Images:
    mask = _drawn(digit, rng)[..., None]
    wall, ink = _colours(rng)
    pixels = (wall * (1 - mask) + ink * mask) + _light(rng)[..., None]
    pixels += rng.normal(0, rng.uniform(0, NOISE), pixels.shape)
    return pixels.round().clip(0, 255).astype(np.uint8).transpose(2, 0, 1)


def _drawn(digit: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return how much of each pixel is ink, [32, 32] in 0 to 1."""
    height = rng.uniform(*HEIGHTS)
    font = _font(TYPEFACES[rng.integers(len(TYPEFACES))], round(height * SCALE))
    canvas = Image.new("L", (SIDE * SCALE, SIDE * SCALE))
    draw = ImageDraw.Draw(canvas)
    x, y = SIDE * SCALE / 2 + SCALE * rng.uniform(-SHIFT, SHIFT, 2)
    draw.text((x, y), str(digit), 255, font, anchor="mm")
    advance = font.getlength("0") * rng.uniform(1.05, 1.3)
    for side in (-1, 1):
        if rng.random() < NEIGHBOUR_SHARE:
            draw.text((x + side * advance, y), str(rng.integers(10)), 255, font, anchor="mm")
    seen = _from_aside(canvas, (x, y), rng)
    blurred = seen.filter(ImageFilter.GaussianBlur(SCALE * rng.uniform(0.2, BLUR)))
    small = blurred.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, np.float64) / 255


def _from_aside(
    canvas: Image.Image, centre: tuple[float, float], rng: np.random.Generator
) -> Image.Image:
    """Tilt, slant and stretch a drawing around a point."""
    angle, slant = np.radians(rng.uniform(-TILT_DEGREES, TILT_DEGREES)), rng.uniform(-SLANT, SLANT)
    stretch = rng.uniform(*STRETCH)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    back = np.array([[1 / stretch, slant], [0, 1]]) @ turn
    x, y = np.array(centre) - back @ np.array(centre)
    (a, b), (c, d) = back
    return canvas.transform(
        canvas.size, Image.Transform.AFFINE, (a, b, x, c, d, y), Image.Resampling.BILINEAR
    )


def _colours(rng: np.random.Generator) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return two colours, light on dark as often as dark on light."""
    while True:
        wall, ink = rng.uniform(0, 255, (2, 3))
        if abs(wall.mean() - ink.mean()) >= CONTRAST:
            return wall, ink


def _light(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return light that falls off in one direction, [32, 32] in grey levels around zero."""
    axis = np.linspace(-0.5, 0.5, SIDE)
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, LIGHT)
    return np.asarray(strength * (np.cos(angle) * axis[None] + np.sin(angle) * axis[:, None]))


@cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    from matplotlib import get_data_path

    return ImageFont.truetype(f"{get_data_path()}/fonts/ttf/{name}.ttf", size)
