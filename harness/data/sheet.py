"""Pictures side by side, in lines that say what they show, as a PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.method import Images

# What the pictures of a line show, and the pictures.
Line = tuple[str, "Images"]

FONT_SIZE = 14
WHITE, INK = 255, (0, 0, 0)
# Pixels between pictures before they are enlarged, and around a caption.
GAP, MARGIN = 2, 6


def in_lines(rows: Sequence[Line], columns: int) -> list[Line]:
    """Cut rows into lines in which the n-th pictures of all rows stand below each other.

    Args:
        rows: uint8 [N, C, H, W] each, with the same N.
        columns: Pictures a line; what does not fill one is left out.
    """
    count = len(rows[0][1])
    starts = range(0, max(1, count - columns + 1), columns)
    return [
        (caption, images[start : start + columns]) for start in starts for caption, images in rows
    ]


def sheet(lines: Sequence[Line], zoom: int) -> bytes:
    """Return lines of pictures, each behind its caption.

    Args:
        lines: uint8 [N, C, H, W] each, RGB or grey, of one size.
        zoom: How many times larger each pixel becomes.
    """
    strips = [_strip(images) for _, images in lines]
    width = max(strip.shape[1] for strip in strips)
    gap = np.full((GAP, width, 3), WHITE, np.uint8)
    filled = [
        np.pad(s, ((0, 0), (0, width - s.shape[1]), (0, 0)), constant_values=WHITE) for s in strips
    ]
    pixels = np.concatenate([part for strip in filled for part in (strip, gap)][:-1])
    pictures = Image.fromarray(pixels.repeat(zoom, axis=0).repeat(zoom, axis=1))
    buffer = io.BytesIO()
    _captioned(pictures, [caption for caption, _ in lines]).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _strip(images: Images) -> npt.NDArray[np.uint8]:
    """Return pictures beside each other: uint8 [N, C, H, W] → [H, N (W + gap) - gap, 3]."""
    coloured = np.broadcast_to(images, (len(images), 3, *images.shape[2:]))
    spaced = np.pad(coloured, ((0, 0), (0, 0), (0, 0), (0, GAP)), constant_values=WHITE)
    strip = np.concatenate(list(spaced), axis=2).transpose(1, 2, 0)
    return np.asarray(strip[:, :-GAP])


def _captioned(pictures: Image.Image, captions: Sequence[str]) -> Image.Image:
    font = ImageFont.load_default(FONT_SIZE)
    room = MARGIN + round(max(font.getlength(caption) for caption in captions)) + MARGIN
    canvas = Image.new("RGB", (room + pictures.width, pictures.height), (WHITE,) * 3)
    canvas.paste(pictures, (room, 0))
    draw = ImageDraw.Draw(canvas)
    for number, caption in enumerate(captions):
        middle = pictures.height * (number + 0.5) / len(captions)
        draw.text((room - MARGIN, middle), caption, INK, font, anchor="rm")
    return canvas
