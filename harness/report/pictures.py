"""Pictures and sounds of the run folder as data URIs: small enough to send, none broken."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from PIL.Image import Image

# What all pictures of one page may take together, in characters of base64.
DEFAULT_BUDGET = 1_400_000
# The same for its sounds, which may not push pictures out.
SOUND_BUDGET = 700_000

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"})
_SOUND = ".wav"


@dataclass(frozen=True)
class Picture:
    """A picture to show, or the reason why it is not shown.

    Attributes:
        source: `data:` URI; empty when there is none to show.
        width: Width in pixels as shown.
        height: Height in pixels as shown.
        problem: Why there is no picture; empty when there is one.
    """

    source: str = ""
    width: int = 0
    height: int = 0
    problem: str = ""


@dataclass
class Inliner:
    """Turns files below a folder into data URIs until its budget is spent.

    Attributes:
        folder: Nothing outside it is read.
        budget: Characters of base64 left to spend on pictures.
        sound_budget: The same for sounds.
    """

    folder: Path
    budget: int = field(default=DEFAULT_BUDGET)
    sound_budget: int = field(default=SOUND_BUDGET)

    def picture(self, path: str, side: int) -> Picture:
        """Read a picture and scale it down until its longer side is at most `side` pixels."""
        file = inside(self.folder, path)
        if file is None or not file.is_file():
            return Picture(problem=f"{path} is not in the run folder")
        try:
            image = _scaled(file, side)
        # What Pillow raises on damaged files depends on the format.
        except (OSError, SyntaxError, ValueError, ArithmeticError) as error:
            return Picture(problem=f"{path} cannot be shown: {error}")
        return self._spend(path, image)

    def sound(self, path: str) -> str:
        """Return a sound as a `data:` URI; empty where it is none, or too long for this page."""
        file = inside(self.folder, path)
        if file is None or file.suffix.lower() != _SOUND or not file.is_file():
            return ""
        if 4 * -(-file.stat().st_size // 3) > self.sound_budget:
            return ""
        source = f"data:audio/wav;base64,{base64.b64encode(file.read_bytes()).decode()}"
        self.sound_budget -= len(source)
        return source

    def _spend(self, path: str, image: Image) -> Picture:
        source = _data_uri(image)
        if len(source) > self.budget:
            return Picture(problem=f"{path} is left out to keep this page small")
        self.budget -= len(source)
        return Picture(source, image.width, image.height)


def is_picture(path: str) -> bool:
    """Whether a file is one that the report shows as a picture, judged by its name."""
    return PurePosixPath(path).suffix.lower() in _SUFFIXES


def inside(folder: Path, path: str) -> Path | None:
    """Return the file that a relative path names, or None when it leads out of the folder."""
    top = folder.resolve()
    file = (top / path).resolve()
    return file if file.is_relative_to(top) else None


def link(path: str) -> str:
    """Return a relative path as an address that no browser takes for a scheme."""
    return "./" + quote(path)


def _scaled(file: Path, side: int) -> Image:
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as opened:
            upright = ImageOps.exif_transpose(opened)
            image = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except Image.DecompressionBombError as error:
        raise ValueError(str(error)) from error
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return image


def _data_uri(image: Image) -> str:
    """Encode as PNG and JPEG, and keep the smaller: plots suit the one, photographs the other."""
    encoded = [("png", _encode(image, "PNG"))]
    if image.mode == "RGB":
        encoded.append(("jpeg", _encode(image, "JPEG")))
    kind, data = min(encoded, key=lambda entry: len(entry[1]))
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _encode(image: Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, optimize=True, quality=88)
    return buffer.getvalue()
