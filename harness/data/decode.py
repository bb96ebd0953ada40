"""Bytes of a picture file → upright RGB picture, or an error that names the file."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from harness.data.archive import listed
from harness.data.items import Item
from harness.errors import DataError
from harness.progress import SILENT, Progress

FORMATS = ("JPEG", "PNG", "BMP")

_UNREADABLE = "cannot identify image file"


def decode(data: bytes, name: str, at_least: tuple[int, int] | None = None) -> Image.Image:
    """Decode a JPEG, PNG or BMP fully.

    EXIF orientation is applied; grey, palette, CMYK and 16-bit pictures become RGB;
    transparency lies on black.

    Args:
        data: Bytes of the file.
        name: What to call it in an error.
        at_least: Width and height that suffice; a JPEG may then be decoded smaller, faster.

    Raises:
        DataError: The file is damaged, cut short, of another format, or so large (Pillow's
            limit, about 89 million pixels) that it is taken for a decompression bomb.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(BytesIO(data), formats=FORMATS)
        if at_least is not None:
            image.draft("RGB", at_least)
        return _to_rgb(ImageOps.exif_transpose(image))
    except Exception as error:  # Pillow raises nearly every type there is on damaged bytes
        reason = _reason(error)
        raise DataError(
            f"{_UNREADABLE} '{name}': {reason}",
            "replace this picture by one that opens, or delete it",
        ) from error


def check_pictures(items: Iterable[Item], progress: Progress = SILENT) -> None:
    """Decode every picture once.

    Raises:
        DataError: Some do not decode; the message names them, and the first one's fault.
    """
    items = tuple(items)
    broken: dict[str, DataError] = {}
    with progress.task("Checking pictures", len(items)) as task:
        for item in items:
            data = item.read()
            try:
                decode(data, item.id)
            except DataError as error:
                broken[item.id] = error
            task.advance()
    if not broken:
        return
    first = next(iter(broken.values()))
    if len(broken) == 1:
        raise first
    raise DataError(
        f"{first.cause} ({len(broken)} pictures in all: {listed(broken)})", first.remedy
    ) from first


def _reason(error: Exception) -> str:
    """Return what Pillow says; of a file that it does not know it names our buffer only."""
    if isinstance(error, UnidentifiedImageError):
        return f"no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file"
    return " ".join(str(error).split()) or type(error).__name__


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # 16-bit grey, which Pillow's own conversion would clip at 255.
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    ground = Image.new("RGB", image.size)
    ground.paste(image, mask=image.getchannel("A"))
    return ground
