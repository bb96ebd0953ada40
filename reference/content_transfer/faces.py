"""Rendered faces, with glasses or without: the two domains of the small experiment.

Faces are aligned, as those of the paper's data are: eyes are always at the same place, and all
else differs from face to face. Whose face it is and which glasses they are is drawn separately,
so that the picture that a transfer should give is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from harness.method import Images

Floats = npt.NDArray[np.float64]

# Places in shares of the picture's side, from its upper left corner.
EYE_Y, EYE_X = 0.45, 0.17
MOUTH_Y = 0.73
_CHUNK = 500


@dataclass(frozen=True)
class People:
    """Who is drawn: one row a face, all lengths in shares of the picture's side.

    Attributes:
        values: float64 [N, `NUMBERS`] in 0 to 1, from which all parts of a face are made.
    """

    values: Floats

    NUMBERS = 19

    def __len__(self) -> int:
        return len(self.values)

    def take(self, places: npt.NDArray[np.int64]) -> People:
        """Return the faces at some places."""
        return People(self.values[places])


@dataclass(frozen=True)
class Glasses:
    """What only domain B has: one row a pair of glasses.

    Attributes:
        values: float64 [N, `NUMBERS`] in 0 to 1: size, shape and frame, colours, tint.
    """

    values: Floats

    NUMBERS = 9

    def __len__(self) -> int:
        return len(self.values)

    def take(self, places: npt.NDArray[np.int64]) -> Glasses:
        """Return the glasses at some places."""
        return Glasses(self.values[places])


def draw_people(count: int, seed: int) -> People:
    """Draw faces; the first ones are the same however many are drawn."""
    return People(np.random.default_rng([seed, 0]).random((count, People.NUMBERS)))


def draw_glasses(count: int, seed: int) -> Glasses:
    """Draw glasses; the first ones are the same however many are drawn."""
    return Glasses(np.random.default_rng([seed, 1]).random((count, Glasses.NUMBERS)))


def render(people: People, glasses: Glasses | None, side: int) -> Images:
    """Return pictures of faces, uint8 [N, 3, side, side], with glasses where there are any."""
    parts = []
    for start in range(0, len(people), _CHUNK):
        some = slice(start, start + _CHUNK)
        canvas = _Canvas(people.values[some], side)
        _face(canvas, people.values[some])
        if glasses is not None:
            _glasses(canvas, glasses.values[some])
        parts.append((canvas.pixels.clip(0, 1) * 255).round().astype(np.uint8))
    return np.concatenate(parts).transpose(0, 3, 1, 2)


class _Canvas:
    """Pictures that are painted on, float64 [N, side, side, 3] in 0 to 1."""

    def __init__(self, values: Floats, side: int) -> None:
        middles = (np.arange(side) + 0.5) / side
        self.x, self.y = middles[None, None, :], middles[None, :, None]
        self.pixel = 1 / side
        self.pixels = np.zeros((len(values), side, side, 3))

    def paint(self, inside: Floats, colour: Floats, share: Floats | float = 1.0) -> None:
        """Lay colours [N, 3] over all pixels that are inside.

        Args:
            inside: Depth below the shape's edge in shares of the side, [N, side, side].
            colour: [N, 3].
            share: How much of what lies below is covered, [N, 1, 1] or one for all.
        """
        cover = np.clip(inside / self.pixel + 0.5, 0, 1) * share
        self.pixels += cover[..., None] * (colour[:, None, None, :] - self.pixels)

    def ellipse(
        self,
        x: Floats | float,
        y: Floats | float,
        a: Floats | float,
        b: Floats | float,
        p: Floats | None = None,
    ) -> Floats:
        """Return the depth inside ellipses, or superellipses of exponent p, [N, side, side]."""
        across, down = np.abs((self.x - x) / a), np.abs((self.y - y) / b)
        radius = np.hypot(across, down) if p is None else (across**p + down**p) ** (1 / p)
        return np.asarray((1 - radius) * np.minimum(a, b))


def _face(canvas: _Canvas, values: Floats) -> None:
    v = iter(values.T[:, :, None, None])

    def between(low: float, high: float) -> Floats:
        return np.asarray(low + (high - low) * next(v))

    ground = np.concatenate([between(0.25, 0.85) for _ in range(3)], axis=1)[..., 0]
    canvas.pixels[:] = ground[:, None, None, :]
    wide, high = between(0.29, 0.38), between(0.36, 0.44)
    hair = _mixed(between(0, 1), (0.12, 0.08, 0.06), (0.85, 0.65, 0.3))
    reach = between(0.03, 0.1)
    canvas.paint(canvas.ellipse(0.5, 0.45, wide + reach, high + 0.02), hair)
    skin = _mixed(between(0, 1), (0.45, 0.3, 0.22), (0.98, 0.82, 0.7))
    fringe = between(0.02, 0.14)
    canvas.paint(canvas.ellipse(0.5, 0.53 + fringe / 2, wide, high - fringe / 2), skin)
    _features(canvas, skin, between)
    light = 1 + between(-0.45, 0.45) * (canvas.x - 0.5)
    canvas.pixels *= light[..., None]


def _features(canvas: _Canvas, skin: Floats, between: Callable[[float, float], Floats]) -> None:
    iris = _mixed(between(0, 1), (0.2, 0.12, 0.05), (0.2, 0.45, 0.75))
    open_ = between(0.025, 0.045)
    brow, lift = between(0.01, 0.025), between(0.08, 0.11)
    for x in (0.5 - EYE_X, 0.5 + EYE_X):
        white = np.full_like(skin, 0.95)
        canvas.paint(canvas.ellipse(x, EYE_Y, 0.075, open_), white)
        canvas.paint(canvas.ellipse(x, EYE_Y, 0.035, open_), iris)
        canvas.paint(canvas.ellipse(x, EYE_Y - lift, 0.08, brow), skin * 0.3)
    nose = between(0.02, 0.045)
    canvas.paint(canvas.ellipse(0.5, 0.6, nose, 0.05), skin * 0.8)
    width, smile = between(0.07, 0.14), between(-0.9, 1.6)
    thick = between(0.015, 0.04)
    lips = _mixed(between(0, 1), (0.55, 0.2, 0.2), (0.85, 0.25, 0.35))
    bent = MOUTH_Y - smile * (canvas.x - 0.5) ** 2 * 3
    canvas.paint(canvas.ellipse(0.5, bent, width, thick), lips)


def _glasses(canvas: _Canvas, values: Floats) -> None:
    a, b, p, frame, red, green, blue, tint, shade = values.T[:, :, None, None]
    a, b, p = 0.11 + 0.04 * a, 0.075 + 0.045 * b, 2 + 4 * p
    frame = 0.03 + 0.02 * frame
    colour = np.stack([red, green, blue], axis=1)[..., 0, 0]
    lens = _mixed(shade, (0.05, 0.05, 0.1), (0.35, 0.2, 0.1))
    for x in (0.5 - EYE_X, 0.5 + EYE_X):
        depth = canvas.ellipse(x, EYE_Y, a, b, p)
        canvas.paint(depth, lens, 0.9 * tint)
        canvas.paint(np.minimum(depth, frame - depth), colour)
    bridge = np.minimum(
        EYE_X - a - np.abs(canvas.x - 0.5), frame / 2 - np.abs(canvas.y - EYE_Y + 0.02)
    )
    canvas.paint(bridge, colour)


def _mixed(share: Floats, low: tuple[float, ...], high: tuple[float, ...]) -> Floats:
    """Return colours between two: [N, 1, 1] → [N, 3]."""
    start, end = np.array(low), np.array(high)
    return np.asarray(start + share[:, :, 0] * (end - start))
