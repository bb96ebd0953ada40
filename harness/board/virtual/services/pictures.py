"""Module image, sensor and lcd: pictures in RGB565 or gray, kept on the host."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from harness.board import pixels
from harness.board.virtual.faults import BoardFault
from harness.board.virtual.services.files import Files
from harness.files import write_bytes

GRAY, COLOUR = 1, 2  # bytes a pixel, which is what MaixPy tells the two kinds by
# What a board's memory holds of pictures; older ones are gone, as after a leak.
MOST_BYTES = 4 * 1024 * 1024
PICTURES = {".bmp", ".jpg", ".jpeg", ".png"}
Planes = npt.NDArray[np.uint8]


@dataclass
class Picture:
    """One picture.

    Attributes:
        planes: uint8 [1 or 3, H, W]; colours as RGB565 levels: 5, 6 and 5 bits.
        ready: The planes as bytes for the KPU, once `pix_to_ai` was called.
    """

    planes: Planes
    ready: Planes | None = None

    @property
    def kind(self) -> int:
        """GRAY or COLOUR."""
        return GRAY if len(self.planes) == 1 else COLOUR

    @property
    def nbytes(self) -> int:
        """Memory that it takes on a board."""
        return int(self.planes[0].size) * self.kind

    def widened(self) -> Planes:
        """Return the planes as bytes: uint8 [1 or 3, H, W]."""
        if self.kind == GRAY:
            return self.planes
        return np.stack(
            [
                pixels.widened(bits)[plane]
                for bits, plane in zip(pixels.BITS, self.planes, strict=True)
            ]
        )


class Pictures:
    """All pictures that a program holds, the camera, and the display.

    Args:
        files: The board's file systems.
        frames: Folder of what the camera sees.
        lcd: Folder that pictures of the display go to.
        size: Width and height of the display.
    """

    def __init__(
        self, files: Files, frames: Path | None, lcd: Path | None, size: tuple[int, int]
    ) -> None:
        self._files, self._lcd, self._size = files, lcd, size
        self._frames = _frames_in(frames)
        self._seen = self._shown = 0
        self._kept: OrderedDict[int, Picture] = OrderedDict()
        self._next = 1

    def picture_restart(self) -> None:
        """Forget all pictures."""
        self._kept.clear()

    def picture_new(self, width: int, height: int, gray: bool) -> int:
        """Make a black picture."""
        return self._keep(Picture(np.zeros((1 if gray else 3, height, width), np.uint8)))

    def add(self, planes: Planes) -> int:
        """Keep uint8 [1 or 3, H, W] as a picture, and return its number."""
        return self._keep(Picture(planes))

    def picture_open(self, path: str) -> int:
        """Read a file as MaixPy does: colours go to 5, 6 and 5 bits."""
        data = self._files.read_bytes(path)
        try:
            with Image.open(BytesIO(data)) as image:
                return self._keep(Picture(_levels(image)))
        except (OSError, ValueError, SyntaxError) as error:
            raise BoardFault("ValueError", "[MAIXPY]: image format error") from error

    def picture_about(self, number: int) -> list[int]:
        """Return width, height and kind."""
        picture = self._get(number)
        return [picture.planes.shape[2], picture.planes.shape[1], picture.kind]

    def picture_resize(self, number: int, width: int, height: int) -> int:
        """Return a picture of another size, with the firmware's way of picking pixels."""
        picture = self._get(number)
        shrink = _mean_window if picture.kind == GRAY else _nearest
        _, rows, columns = picture.planes.shape
        smaller = width < columns and height < rows
        way = shrink if smaller else _nearest if picture.kind == COLOUR else _bilinear
        return self._keep(Picture(way(picture.planes, width, height)))

    def picture_crop(self, number: int, x: int, y: int, width: int, height: int) -> int:
        """Return a part of a picture."""
        planes = self._get(number).planes[:, y : y + height, x : x + width]
        return self._keep(Picture(planes.copy()))

    def picture_to_ai(self, number: int) -> None:
        """Prepare a picture for the KPU."""
        picture = self._get(number)
        picture.ready = picture.widened().copy()

    def picture_prepared(self, number: int) -> bool:
        """Return whether that was done."""
        return self._get(number).ready is not None

    def picture_bytes(self, number: int) -> bytes:
        """Return the pixels as they lie in memory: gray bytes, or RGB565 with swapped bytes."""
        picture = self._get(number)
        if picture.kind == GRAY:
            return bytes(picture.planes[0].tobytes())
        red, green, blue = picture.planes.astype(">u2")
        return bytes((red << 11 | green << 5 | blue).astype(">u2").tobytes())

    def picture_pixel(self, number: int, x: int, y: int) -> list[int]:
        """Return the gray value, or red, green and blue, of a pixel."""
        return [int(value) for value in self._get(number).widened()[:, y, x]]

    def picture_draw(
        self, number: int, shape: str, where: list[int | str], colour: list[int]
    ) -> None:
        """Draw a rectangle, line, circle or text; colours go to the picture's own bits."""
        picture = self._get(number)
        image = _image(picture.widened())
        fill = tuple(colour) if picture.kind == COLOUR else colour[0]
        _draw(ImageDraw.Draw(image), shape, where, fill)
        picture.planes = _levels(image)

    def picture_save(self, number: int, path: str, quality: int) -> None:
        """Write a picture as JPEG or BMP, by the name."""
        widened = self._get(number).widened()
        if path.lower().endswith(".bmp"):
            data = pixels.bmp(widened)
        else:
            file = BytesIO()
            _image(widened).save(file, "JPEG", quality=quality)
            data = file.getvalue()
        handle = self._files.file_open(path, "w")
        try:
            self._files.file_write(handle, data)
        finally:
            self._files.file_close(handle)

    def picture_free(self, number: int) -> None:
        """Forget a picture."""
        self._kept.pop(number, None)

    def sensor_frame(self, width: int, height: int, gray: bool, window: list[int] | None) -> int:
        """Return the next frame, as large as the program asked for."""
        image = self._frames[self._seen % len(self._frames)].copy()
        self._seen += 1
        image = image.convert("L" if gray else "RGB").resize((width, height))
        if window:
            x, y, w, h = window
            image = image.crop((x, y, x + w, y + h))
        picture = Picture(_levels(image))
        picture.ready = picture.widened().copy()
        return self._keep(picture)

    def lcd_size(self) -> list[int]:
        """Return width and height of the display."""
        return list(self._size)

    def lcd_show(self, number: int) -> None:
        """Show a picture: a PNG file of what the display holds."""
        if self._lcd is None:
            return
        canvas = Image.new("RGB", self._size)
        canvas.paste(_image(self._get(number).widened()).convert("RGB"))
        # Somebody may be watching the folder: a picture is there whole or not at all.
        encoded = BytesIO()
        canvas.save(encoded, "PNG")
        write_bytes(self._lcd / f"{self._shown:06d}.png", encoded.getvalue())
        self._shown += 1

    def planes(self, number: int) -> Planes:
        """Return what the KPU reads: uint8 [1 or 3, H, W]."""
        ready = self._get(number).ready
        if ready is None:
            raise BoardFault("ValueError", "[MAIXPY]kpu: check img format err!\r\n")
        return ready

    def _keep(self, picture: Picture) -> int:
        number, self._next = self._next, self._next + 1
        self._kept[number] = picture
        while sum(kept.nbytes for kept in self._kept.values()) > MOST_BYTES:
            self._kept.popitem(last=False)
        return number

    def _get(self, number: int) -> Picture:
        if number not in self._kept:
            raise BoardFault("MemoryError", "the picture was freed: the board's memory was full")
        return self._kept[number]


def _frames_in(folder: Path | None) -> list[Image.Image]:
    found = []
    for path in sorted(folder.iterdir()) if folder else ():
        if path.suffix.lower() in PICTURES:
            with Image.open(path) as image:
                found.append(image.convert("RGB"))
    return found or [_test_card()]


def _test_card() -> Image.Image:
    ramp = np.linspace(0, 255, 320).astype(np.uint8)
    rows = np.linspace(0, 255, 240).astype(np.uint8)
    card = np.stack(np.broadcast_arrays(ramp[None], rows[:, None], ramp[None, ::-1]), -1)
    return Image.fromarray(np.ascontiguousarray(card))


def _levels(image: Image.Image) -> Planes:
    if image.mode in ("L", "1") or _is_gray_palette(image):
        return np.asarray(image.convert("L"))[None].copy()
    planes = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    return pixels.levels(planes)


def _is_gray_palette(image: Image.Image) -> bool:
    if image.mode != "P":
        return False
    table = np.asarray(image.getpalette(), np.uint8).reshape(-1, 3)
    return bool((table == table[:, :1]).all())


def _image(planes: Planes) -> Image.Image:
    if len(planes) == 1:
        return Image.fromarray(planes[0])
    return Image.fromarray(np.ascontiguousarray(planes.transpose(1, 2, 0)))


def _nearest(planes: Planes, width: int, height: int) -> Planes:
    _, rows, columns = planes.shape
    y = (np.arange(height) * np.float32(rows / height)).astype(int)
    x = (np.arange(width) * np.float32(columns / width)).astype(int)
    return planes[:, y][:, :, x]


def _mean_window(planes: Planes, width: int, height: int) -> Planes:
    _, rows, columns = planes.shape
    out = np.empty((1, height, width), np.uint8)
    for y in range(height):
        top, bottom = y * rows // height, min((y + 1) * rows // height, rows - 1)
        for x in range(width):
            left, right = x * columns // width, min((x + 1) * columns // width, columns - 1)
            window = planes[0, top : bottom + 1, left : right + 1]
            out[0, y, x] = int(window.sum()) // window.size
    return out


def _bilinear(planes: Planes, width: int, height: int) -> Planes:
    image = _image(planes).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image)[None].copy()


def _draw(
    canvas: ImageDraw.ImageDraw, shape: str, where: list[int | str], fill: tuple[int, ...] | int
) -> None:
    if shape == "text":
        x, y, text, size = where
        font = ImageFont.load_default(size=10 * int(size))
        canvas.text((int(x), int(y)), str(text), fill=fill, font=font)
        return
    numbers = [int(value) for value in where]
    if shape == "line":
        canvas.line(numbers, fill=fill)
    elif shape == "circle":
        x, y, radius = numbers
        canvas.ellipse((x - radius, y - radius, x + radius, y + radius), outline=fill)
    else:
        x, y, w, h, filled = numbers
        box = (x, y, x + max(w, 1) - 1, y + max(h, 1) - 1)
        canvas.rectangle(box, outline=fill, fill=fill if filled else None)
