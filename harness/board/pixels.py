"""Pictures as MaixPy sees them: 5, 6 and 5 bits a pixel, in BMP files.

MaixPy keeps colour pictures in RGB565 and widens them to bytes by a table when they go to the
KPU: of 256 levels 32 remain in red and blue, and 64 in green. Gray pictures keep all their bits.
Source: MaixPy-v1 `py_image.c` (`pix_to_ai`), `rgb2rgb_tab.c`, `bmp.c`.
"""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError

Image = npt.NDArray[np.uint8]

BITS = (5, 6, 5)
_GRAY_TABLE = b"".join(struct.pack("<I", level << 16 | level << 8 | level) for level in range(256))
_MASKS = struct.pack("<3I", 0x1F << 11, 0x3F << 5, 0x1F)
_UNCOMPRESSED, _MASKED = 0, 3


def widened(bits: int) -> npt.NDArray[np.uint8]:
    """Return the byte of every level of a colour with 5 or 6 bits: uint8 [2 ** bits]."""
    top = (1 << bits) - 1
    return np.round(np.arange(top + 1) * 255 / top).astype(np.uint8)


def levels(images: Image) -> Image:
    """Return the nearest RGB565 level of each value of uint8 [..., 3, H, W]: the same shape."""
    out = np.empty_like(images)
    for channel, bits in enumerate(BITS):
        top = (1 << bits) - 1
        table = np.round(np.arange(256) * top / 255).astype(np.uint8)
        out[..., channel, :, :] = table[images[..., channel, :, :]]
    return out


def on_grid(images: Image) -> Image:
    """Return uint8 [..., C, H, W] as it reaches the KPU through MaixPy's pictures.

    One channel comes through as it is; three are rounded to RGB565 and widened again.
    """
    if images.shape[-3] == 1:
        return images
    rounded = levels(images)
    for channel, bits in enumerate(BITS):
        rounded[..., channel, :, :] = widened(bits)[rounded[..., channel, :, :]]
    return rounded


def bmp(image: Image) -> bytes:
    """Return uint8 [1 or 3, H, W] as the kind of BMP file that MaixPy reads without loss.

    Gray pictures have 8 bits and a table of all grays, colour pictures 16 bits and masks; lines
    run from top to bottom.

    Raises:
        UsageError: The image has another number of channels.
    """
    channels, height, width = image.shape
    if channels not in (1, 3):
        raise UsageError(
            f"MaixPy has no pictures of {channels} channels", "a board takes 1 (gray) or 3 (RGB)"
        )
    if channels == 1:
        pixels, extra, bits, coding = image[0], _GRAY_TABLE, 8, _UNCOMPRESSED
    else:
        red, green, blue = levels(image).astype("<u2")
        pixels = (red << 11 | green << 5 | blue).view(np.uint8).reshape(height, 2 * width)
        extra, bits, coding = _MASKS, 16, _MASKED
    rows = np.pad(pixels, ((0, 0), (0, -pixels.shape[1] % 4))).tobytes()
    start = 14 + 40 + len(extra)
    info = struct.pack("<IiiHHIIiiII", 40, width, -height, 1, bits, coding, len(rows), 0, 0, 0, 0)
    head = struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start)
    return head + info + extra + rows
