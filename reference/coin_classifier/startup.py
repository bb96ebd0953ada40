"""The picture that the board shows while it starts."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

# The M5StickV's display.
SIZE = (240, 135)
GROUND, RIM, FACE, INK = "#10243f", "#8a6a1f", "#d9b44a", "#f4f1e6"
COIN_RADIUS = 40
JPEG_QUALITY = 90


def startup_jpg(classes: tuple[str, ...]) -> bytes:
    """Return a 240 x 135 JPEG: a coin, what the board does, and how many classes it knows."""
    picture = Image.new("RGB", SIZE, GROUND)
    draw = ImageDraw.Draw(picture)
    _coin(draw, centre=(58, SIZE[1] // 2))
    draw.text((112, 38), "Coin\nclassifier", INK, ImageFont.load_default(24), spacing=2)
    draw.text((112, 98), f"{len(classes)} classes", RIM, ImageFont.load_default(14))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _coin(draw: ImageDraw.ImageDraw, centre: tuple[int, int]) -> None:
    for radius, colour in ((COIN_RADIUS, RIM), (COIN_RADIUS - 3, FACE), (COIN_RADIUS - 9, RIM)):
        draw.ellipse(_box(centre, radius), colour)
    draw.ellipse(_box(centre, COIN_RADIUS - 11), FACE)
    draw.text(centre, "K210", RIM, ImageFont.load_default(20), anchor="mm")


def _box(centre: tuple[int, int], radius: int) -> tuple[int, int, int, int]:
    return centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius
