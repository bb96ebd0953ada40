"""Small photograph sets as the camera client and users make them."""

import io
import zipfile
from functools import cache

from PIL import Image, ImageDraw

from harness.data.items import Item
from harness.errors import DataError


@cache
def picture(number, size=(32, 24), kind="JPEG"):
    """Draw one picture whose place and colour of disc depend on its number."""
    image = Image.new("RGB", size, (number * 37 % 256, 90, 200 - number * 11 % 200))
    left = number * 7 % size[0] // 2
    box = (left, 2, left + size[0] // 2, size[1] - 3)
    ImageDraw.Draw(image).ellipse(box, fill=(number * 53 % 256, number * 5 % 256, 10))
    stream = io.BytesIO()
    image.save(stream, kind, quality=95)
    return stream.getvalue()


def camera_files(counts, valid="vaild"):
    """Return path → bytes of what the client writes for so many shots of class 1, 2, 3 …"""
    files = {}
    for label, count in enumerate(counts, start=1):
        for shot in range(1, count + 1):
            side = valid if 31 <= shot <= 35 else "train"
            files[f"{side}/{label}/{shot}.jpg"] = picture(label * 100 + shot)
    return files


def class_files(counts):
    """Return path → bytes of plain class folders, by class name."""
    return {
        f"{label}/{shot:03}.jpg": picture(place * 100 + shot)
        for place, (label, count) in enumerate(counts.items())
        for shot in range(1, count + 1)
    }


def write_folder(top, files):
    for name, data in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(data)
    return top


def write_zip(path, files, prefix=""):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(prefix + name, data)
    return path


def items_of(counts):
    """Return items without files, by class name."""
    return [
        Item(f"{label}/{shot:03}.jpg", label, shot, bytes)
        for label, count in counts.items()
        for shot in range(1, count + 1)
    ]


def refused(action):
    """Run an action, and return the DataError that it ended in, or None."""
    try:
        action()
    except DataError as error:
        return error
    return None
