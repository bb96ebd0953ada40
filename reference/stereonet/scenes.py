"""Random-dot stereograms with their true disparity: slanted planes with rectangles before them.

A smooth random texture is the right picture; the left one takes from it, pixel by pixel, what
lies `disparity` columns to the left (cubic interpolation). So every pixel of the left picture has
its like in the right one, and an edge of a rectangle is seen only by a break in the texture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.method import Images

    Floats = npt.NDArray[np.float64]

HEIGHT, WIDTH = 96, 192
# Of the test scenes: a plane, and two rectangles before it.
PLANE = (4.0, 0.02, 0.01)
NEAR = (14.5, 19.25)
RECTANGLE = (42, 65)
# Columns in which each stands: they do not meet, and all of their edges have a match.
STANDS = ((15, 96), (96, 192))
TEXTURE_SIGMA = 1.1
# Grey levels, of 255.
GREY, CONTRAST = 128.0, 40.0
_EDGE = 5


@dataclass(frozen=True)
class Stereograms:
    """Rendered pairs.

    Attributes:
        left: uint8 [N, 3, H, W].
        right: The same.
        disparity: float32 [N, 1, H, W], in pixels; 0 where the match lies outside the right one.
    """

    left: Images
    right: Images
    disparity: npt.NDArray[np.float32]


def judging_scenes(count: int, series: int, noise: float = 0.0) -> Stereograms:
    """Return pairs with the plane 4 + 0.02 x + 0.01 y, and rectangles at 14.5 and 19.25 pixels.

    Args:
        count: How many; textures and places of the rectangles differ.
        series: Start of the random streams.
        noise: Standard deviation of the noise on both pictures, in parts of the grey range.
    """

    def one(rng: np.random.Generator) -> tuple[Images, Images, npt.NDArray[np.float32]]:
        disparity = _plane(*PLANE)
        for value, (first, end) in zip(NEAR, STANDS, strict=True):
            _put(disparity[:, first:end], value, RECTANGLE, rng)
        return _pair(disparity, dots(rng, WIDTH + _reach(disparity), TEXTURE_SIGMA), noise, rng)

    return stack(one, count, series)


def scenes(count: int, series: int, disparities: int) -> Stereograms:
    """Return pairs to learn from: any plane and any rectangles, of any texture's fineness.

    Args:
        count: How many.
        series: Start of the random streams.
        disparities: D; all true disparities lie below.
    """

    def one(rng: np.random.Generator) -> tuple[Images, Images, npt.NDArray[np.float32]]:
        disparity = _random_disparity(rng, disparities)
        noise = rng.uniform(0, 0.01)
        texture = dots(rng, WIDTH + _reach(disparity), rng.uniform(0.7, 1.6))
        return _pair(disparity, texture, noise, rng)

    return stack(one, count, series)


def dots(rng: np.random.Generator, width: int, sigma: float) -> Floats:
    """Return random dots, smoothed by a Gaussian of `sigma` pixels: float64 [HEIGHT, width]."""
    noise = ndimage.gaussian_filter(rng.standard_normal((HEIGHT, width)), sigma, mode="wrap")
    return np.asarray(GREY + noise * (CONTRAST / noise.std()))


def _random_disparity(rng: np.random.Generator, disparities: int) -> Floats:
    """Return a plane and two or three rectangles, which may be slanted too."""
    far = disparities / 3
    across, down = rng.uniform(-0.03, 0.03, 2)
    centre = rng.uniform(0.06, 1) * far
    disparity = _plane(centre - across * WIDTH / 2 - down * HEIGHT / 2, across, down)
    for _ in range(rng.integers(2, 4)):
        size = int(rng.integers(18, 60)), int(rng.integers(24, 90))
        _put(disparity, rng.uniform(0.2, 0.85) * disparities, size, rng)
    return np.clip(disparity, 0.5, disparities - 1.5)


def _plane(start: float, across: float, down: float) -> Floats:
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    return np.asarray(start + across * x + down * y)


def _put(disparity: Floats, value: float, size: tuple[int, int], rng: np.random.Generator) -> None:
    """Stand a rectangle of one disparity somewhere before the rest."""
    height, width = size
    top, left = (
        rng.integers(_EDGE, have - side - _EDGE)
        for have, side in zip(disparity.shape, size, strict=True)
    )
    disparity[top : top + height, left : left + width] = value


def _reach(disparity: Floats) -> int:
    # Cubic interpolation looks two pixels further.
    return int(np.ceil(disparity.max())) + 2


def _pair(
    disparity: Floats, texture: Floats, noise: float, rng: np.random.Generator
) -> tuple[Images, Images, npt.NDArray[np.float32]]:
    margin = texture.shape[1] - WIDTH
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    moved = ndimage.map_coordinates(texture, [y, x + margin - disparity], order=3, mode="nearest")
    left, right = moved[None], texture[None, :, margin:]
    seen = np.where(x >= disparity, disparity, 0).astype(np.float32)[None]
    return to_bytes(left, noise, rng), to_bytes(right, noise, rng), seen


def to_bytes(channels: Floats, noise: float, rng: np.random.Generator) -> Images:
    """Return levels [1 or 3, H, W] with noise as uint8 [3, H, W]."""
    if noise:
        channels = channels + rng.normal(0, 255 * noise, channels.shape)
    levels = channels.clip(0, 255).round().astype(np.uint8)
    return np.broadcast_to(levels, (3, *levels.shape[1:]))


def stack(
    one: Callable[[np.random.Generator], tuple[Images, Images, npt.NDArray[np.float32]]],
    count: int,
    series: int,
) -> Stereograms:
    """Return rendered pairs, each from a random stream of its own."""
    # The first pairs are the same however many are rendered.
    rendered = [one(np.random.default_rng([series, number])) for number in range(count)]
    left, right, disparity = (np.stack(part) for part in zip(*rendered, strict=True))
    return Stereograms(left, right, disparity)
