"""Layered scenes with their true disparity: slanted surfaces that wear pieces of photographs.

Each surface stands before the ones behind it, for both cameras alike: so pictures break where the
disparity does, what is hidden from one camera is seen by the other, and a surface may have next to
no texture. That is what real pairs have and random-dot stereograms lack. Surfaces are given in
columns of the left picture; the right one sees column x at x − d(x, y).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from PIL import Image

from reference.stereonet.scenes import HEIGHT, WIDTH, Stereograms, stack, to_bytes

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.method import Images

    Floats = npt.NDArray[np.float64]
    Place = TypeVar("Place", float, Floats)

MOST_SURFACES = 9
# Change of the disparity a pixel.
SLANT_ACROSS, SLANT_DOWN = 0.05, 0.12
# Disparities stay between this many pixels and D less a little; middles of surfaces below a share.
LEAST, NEAREST = 0.5, 0.92
# How much of a photograph's contrast is kept; some surfaces have hardly any.
FAINT, FAINT_SHARE = 0.06, 0.1
# One camera's exposure against the other's.
EXPOSURE = 0.03


@dataclass(frozen=True)
class Surface:
    """A slanted plane in an outline.

    Attributes:
        plane: d(x, y) = plane[0] + plane[1] x + plane[2] y, in pixels.
        texture: Colours, float64 [H, columns, 3], from column 0 of the left picture on.
        centre: Of the outline, column and line.
        half: Half of its width and height; infinite for what fills the picture.
        turn: Its angle.
        round: Whether it is an ellipse, not a rectangle.
        rim: Width of the frame that it is; infinite where it is whole.
    """

    plane: tuple[float, float, float]
    texture: Floats
    centre: tuple[float, float] = (0.0, 0.0)
    half: tuple[float, float] = (np.inf, np.inf)
    turn: float = 0.0
    round: bool = False
    rim: float = np.inf

    def disparity(self, x: Place, y: Place) -> Place:
        """Return d at a place of the left picture, or at many."""
        start, across, down = self.plane
        return start + across * x + down * y

    def seen_from_the_right(self, x: Floats, y: Floats) -> Floats:
        """Return the column of the left picture that the right one has in column x."""
        start, across, down = self.plane
        return (x + start + down * y) / (1 - across)

    def coverage(self, x: Floats, y: Floats) -> Floats:
        """Return the share of each pixel of the left picture that the surface covers."""
        if np.isinf(self.half[0]):
            return np.ones_like(x)
        x, y = x - self.centre[0], y - self.centre[1]
        along = np.cos(self.turn) * x + np.sin(self.turn) * y
        beside = np.cos(self.turn) * y - np.sin(self.turn) * x
        width, height = self.half
        if self.round:
            inside = (1 - np.hypot(along / width, beside / height)) * min(self.half)
        else:
            inside = np.minimum(width - np.abs(along), height - np.abs(beside))
        return np.asarray(np.clip(np.minimum(inside, self.rim - inside) + 0.5, 0, 1))

    def colours(self, x: Floats, y: Floats) -> Floats:
        """Return colours [N, 3] at places between columns of the left picture, cubically."""
        lines = y.astype(int)
        before = np.floor(x).astype(int)
        t = (x - before)[:, None]
        weights = (
            ((2 - t) * t - 1) * t / 2,
            ((3 * t - 5) * t * t + 2) / 2,
            ((4 - 3 * t) * t + 1) * t / 2,
            (t - 1) * t * t / 2,
        )
        last = self.texture.shape[1] - 1
        return np.asarray(
            sum(
                weight * self.texture[lines, (before + place).clip(0, last)]
                for place, weight in zip((-1, 0, 1, 2), weights, strict=True)
            )
        )


def layered_scenes(
    count: int,
    series: int,
    disparities: int,
    pictures: Sequence[Images],
    size: tuple[int, int] = (HEIGHT, WIDTH),
) -> Stereograms:
    """Return pairs whose disparity is known where its match is in the picture, hidden or not.

    Args:
        count: How many.
        series: Start of the random streams.
        disparities: D; all true disparities lie below.
        pictures: What surfaces wear, uint8 [3, H, W] each.
        size: Height and width of the pairs.
    """
    photographs = [Image.fromarray(picture.transpose(1, 2, 0)) for picture in pictures]

    def one(rng: np.random.Generator) -> tuple[Images, Images, npt.NDArray[np.float32]]:
        behind = _ground(rng, disparities, photographs, size)
        before = [
            _outlined(rng, disparities, photographs, size, behind)
            for _ in range(rng.integers(2, MOST_SURFACES))
        ]
        before.sort(key=lambda surface: surface.disparity(*surface.centre))
        return seen([behind, *before], size, rng)

    return stack(one, count, series)


def seen(
    surfaces: Sequence[Surface], size: tuple[int, int], rng: np.random.Generator
) -> tuple[Images, Images, npt.NDArray[np.float32]]:
    """Return both pictures and the left one's disparity, of surfaces from back to front."""
    y, x = np.mgrid[: size[0], : size[1]].astype(float)
    left, right = np.zeros((2, *size, 3))
    disparity = np.zeros(size)
    for surface in surfaces:
        _paint(left, surface, x, y)
        _paint(right, surface, surface.seen_from_the_right(x, y), y)
        disparity = np.where(surface.coverage(x, y) > 0.5, surface.disparity(x, y), disparity)
    disparity[x < disparity] = 0
    noise = rng.uniform(0, 0.01)
    exposed = right * rng.uniform(1 - EXPOSURE, 1 + EXPOSURE)
    both = [to_bytes(side.transpose(2, 0, 1), noise, rng) for side in (left, exposed)]
    return both[0], both[1], disparity.astype(np.float32)[None]


def _paint(picture: Floats, surface: Surface, x: Floats, y: Floats) -> None:
    """Put a surface over what is painted already; x are columns of the left picture."""
    coverage = surface.coverage(x, y)
    places = coverage > 0
    share = coverage[places][:, None]
    colours = surface.colours(x[places], y[places])
    picture[places] = (1 - share) * picture[places] + share * colours


def _ground(
    rng: np.random.Generator,
    disparities: int,
    photographs: Sequence[Image.Image],
    size: tuple[int, int],
) -> Surface:
    """Return what fills the picture behind all."""
    height, width = size
    middle, centre = rng.uniform(0.05, 0.6) * disparities, (width / 2, height / 2)
    plane = _plane(rng, middle, centre, (width, height), disparities)
    return Surface(plane, _worn(rng, photographs, size, disparities), centre)


def _outlined(
    rng: np.random.Generator,
    disparities: int,
    photographs: Sequence[Image.Image],
    size: tuple[int, int],
    behind: Surface,
) -> Surface:
    """Return something that stands before the ground."""
    height, width = size
    centre = rng.uniform(0, width), rng.uniform(0, height)
    most = NEAREST * disparities
    middle = rng.uniform(min(behind.disparity(*centre), most), most)
    along, beside = np.exp(rng.uniform(np.log(4), np.log(0.5 * height), 2))
    plane = _plane(rng, middle, centre, (2 * max(along, beside),) * 2, disparities)
    return Surface(
        plane,
        _worn(rng, photographs, size, disparities),
        centre,
        (along, beside),
        turn=rng.uniform(0, np.pi),
        round=bool(rng.random() < 0.5),
        rim=rng.uniform(2, 8) if rng.random() < 0.3 else np.inf,
    )


def _plane(
    rng: np.random.Generator,
    middle: float,
    centre: tuple[float, float],
    extent: tuple[float, float],
    disparities: int,
) -> tuple[float, float, float]:
    """Return a slanted plane whose disparities stay in the range all over its extent."""
    across = rng.uniform(-SLANT_ACROSS, SLANT_ACROSS)
    down = rng.uniform(-SLANT_DOWN, SLANT_DOWN)
    change = (abs(across) * extent[0] + abs(down) * extent[1]) / 2
    room = min(middle - LEAST, disparities - 1.5 - middle)
    less = min(1.0, room / change)
    across, down = less * across, less * down
    return middle - across * centre[0] - down * centre[1], across, down


def _worn(
    rng: np.random.Generator,
    photographs: Sequence[Image.Image],
    size: tuple[int, int],
    disparities: int,
) -> Floats:
    """Return a piece of a photograph: scaled, mirrored or not, in other colours, perhaps faint."""
    # Columns of the left picture that the right one sees lie up to D further to the right.
    size = size[0], size[1] + disparities + 2
    photograph = photographs[int(rng.integers(len(photographs)))]
    zoom = 2 ** rng.uniform(-1, 1.5)
    wanted = size[1] / zoom, size[0] / zoom
    width, height = (min(one, have) for one, have in zip(wanted, photograph.size, strict=True))
    left, top = rng.uniform(0, photograph.width - width), rng.uniform(0, photograph.height - height)
    box = left, top, left + width, top + height
    piece = np.asarray(photograph.resize(size[::-1], Image.Resampling.BICUBIC, box), float)
    piece = piece[:, :: rng.choice((1, -1))] @ rng.dirichlet((0.5, 0.5, 0.5), 3).T
    contrast = rng.uniform(0, FAINT) if rng.random() < FAINT_SHARE else rng.uniform(0.3, 1.2)
    mean = piece.mean(axis=(0, 1))
    return np.asarray(mean * rng.uniform(0.6, 1.3) + contrast * (piece - mean))
