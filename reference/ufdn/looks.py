"""The domains of the small experiment: handwriting as it may look on paper, on signs, in sketches.

A look is the same for all of its pictures, and all that differs between domains: what a domain
vector can say. The digits themselves are real ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageFilter

if TYPE_CHECKING:
    from harness.method import Images

SIDE = 32
# Drawn larger, so that edges are smooth.
DRAWN = 2 * SIDE
# Grey level from which a pixel of a sketch is within the stroke.
INSIDE = 100

Colour = tuple[int, int, int]
Masks = npt.NDArray[np.float64]
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
BLUE, YELLOW = (40, 60, 160), (250, 220, 60)
PAPER, PENCIL = (240, 230, 200), (60, 40, 30)


def scan(digits: Images) -> Images:
    """Return digits as they are: white on black, uint8 [N, 8, 8] → [N, 3, 32, 32]."""
    return _coloured(_enlarged(digits), BLACK, WHITE)


def sign(digits: Images) -> Images:
    """Return digits in yellow paint on blue, uint8 [N, 8, 8] → [N, 3, 32, 32]."""
    return _coloured(_enlarged(digits), BLUE, YELLOW)


def sketch(digits: Images) -> Images:
    """Return outlines of digits in pencil on paper, uint8 [N, 8, 8] → [N, 3, 32, 32]."""
    return _coloured(np.stack([_outlined(digit) for digit in digits]), PAPER, PENCIL)


LOOKS: dict[str, Callable[[Images], Images]] = {"scan": scan, "sign": sign, "sketch": sketch}


def _enlarged(digits: Images) -> Masks:
    """Return how much of each pixel is ink, [N, 32, 32] in 0 to 1."""
    bilinear = Image.Resampling.BILINEAR
    images = [Image.fromarray(digit).resize((SIDE, SIDE), bilinear) for digit in digits]
    return np.stack([np.asarray(image) for image in images]) / 255


def _outlined(digit: Images) -> Masks:
    """Return how much of each pixel is outline, [32, 32] in 0 to 1."""
    drawn = Image.fromarray(digit).resize((DRAWN, DRAWN), Image.Resampling.BICUBIC)
    shape = drawn.point(lambda level: 255 * (level > INSIDE))
    outer, inner = ImageFilter.MaxFilter(5), ImageFilter.MinFilter(3)
    outline = ImageChops.difference(shape.filter(outer), shape.filter(inner))
    return np.asarray(outline.resize((SIDE, SIDE), Image.Resampling.BOX)) / 255


def _coloured(ink: Masks, ground: Colour, paint: Colour) -> Images:
    mask = ink[:, None]
    colours = [np.reshape(colour, (1, 3, 1, 1)) for colour in (ground, paint)]
    return np.asarray((colours[0] * (1 - mask) + colours[1] * mask).round(), np.uint8)
