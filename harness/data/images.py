"""Pictures as the bytes that an input contract asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from harness.data.archive import PICTURE_SUFFIXES, has_suffix, open_archive
from harness.data.decode import decode
from harness.data.items import Item
from harness.errors import DataError
from harness.method import InputContract
from harness.progress import SILENT, Progress

if TYPE_CHECKING:
    from harness.method import Images

# Averaging whole pixels first, down to twice the final size, is several times faster on large
# photographs and hardly to be seen.
REDUCING_GAP = 2.0


def load_image(data: bytes, contract: InputContract, name: str = "picture") -> Images:
    """Decode one picture as a contract wants it.

    Args:
        data: Bytes of a JPEG, PNG or BMP file.
        contract: Shape, colour order and resize rule.
        name: What to call the picture in an error.

    Returns:
        uint8 [C, H, W]; the same bytes on every machine with the same Pillow.

    Raises:
        DataError: The picture does not decode.
    """
    fitted = fit(decode(data, name), contract)
    if contract.color == "GRAY":
        return np.asarray(fitted.convert("L"))[None].copy()
    pixels = np.asarray(fitted).transpose(2, 0, 1)
    return np.ascontiguousarray(pixels[::-1] if contract.color == "BGR" else pixels)


def load_images(
    items: Sequence[Item], contract: InputContract, progress: Progress = SILENT
) -> Images:
    """Decode pictures as a contract wants them.

    Returns:
        uint8 [N, C, H, W], in the order of `items`.

    Raises:
        DataError: A picture does not decode; the message names it.
    """
    images = np.empty((len(items), *contract.shape), np.uint8)
    with progress.task("Loading pictures", len(items)) as task:
        for place, item in enumerate(items):
            images[place] = load_image(item.read(), contract, item.id)
            task.advance()
    return images


def read_inputs(
    path: Path, contract: InputContract, progress: Progress = SILENT
) -> tuple[tuple[str, ...], Images]:
    """Read unlabelled inputs: a folder or zip of pictures, one picture, or an array.

    Args:
        path: Folder or zip (all pictures in it, at any depth), picture, or `.npy` or `.npz`
            file of uint8 [N, C, H, W].
        contract: What arrays have to be and pictures are made into.
        progress: Who is told how it goes.

    Returns:
        One name an input, and uint8 [N, C, H, W], in natural order of the names.

    Raises:
        DataError: There is nothing at the path, no picture in it, a picture does not decode, or
            the array is not as the contract says.
    """
    if path.is_file() and has_suffix(path.name, (".npy", ".npz")):
        images = _read_array(path, contract)
        return tuple(f"{path.name}#{index}" for index in range(len(images))), images
    items = _pictures(path)
    return tuple(item.id for item in items), load_images(items, contract, progress)


def fit(image: Image.Image, contract: InputContract) -> Image.Image:
    """Bring an RGB picture to the contract's height and width by the contract's resize rule."""
    _, height, width = contract.shape
    if contract.resize == "letterbox":
        return _letterbox(image, (width, height))
    box = (0, 0, *image.size)
    if contract.resize == "center_crop":
        box = centered_box(image.size, (width, height))
    return _resize(image, (width, height), box)


def centered_box(size: tuple[int, int], target: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the largest centred rectangle of a picture with the proportions of `target`.

    Args:
        size: Width and height of the picture.
        target: Width and height whose proportions are wanted.

    Returns:
        Left, top, right and bottom edge in whole pixels.
    """
    width = min(size[0], max(1, round(size[1] * target[0] / target[1])))
    height = min(size[1], max(1, round(size[0] * target[1] / target[0])))
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return left, top, left + width, top + height


def _letterbox(image: Image.Image, target: tuple[int, int]) -> Image.Image:
    scale = min(target[0] / image.width, target[1] / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    ground = Image.new("RGB", target)
    corner = ((target[0] - size[0]) // 2, (target[1] - size[1]) // 2)
    ground.paste(_resize(image, size, (0, 0, *image.size)), corner)
    return ground


def _resize(
    image: Image.Image, size: tuple[int, int], box: tuple[int, int, int, int]
) -> Image.Image:
    return image.resize(size, Image.Resampling.BILINEAR, box, REDUCING_GAP)


def _pictures(path: Path) -> list[Item]:
    if path.is_file() and has_suffix(path.name, PICTURE_SUFFIXES):
        return [Item(path.name, "", None, path.read_bytes)]
    archive = open_archive(path)
    pictures = [name for name in archive.files if has_suffix(name, PICTURE_SUFFIXES)]
    if not pictures:
        raise DataError(
            f"{path} holds no pictures", f"give {', '.join(PICTURE_SUFFIXES)} files, or an array"
        )
    return [Item(name, "", None, archive.files[name]) for name in pictures]


def _read_array(path: Path, contract: InputContract) -> Images:
    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = dict(loaded) if isinstance(loaded, np.lib.npyio.NpzFile) else {path.name: loaded}
    except Exception as error:  # NumPy raises nearly every type there is on damaged bytes
        raise DataError(f"{path} is no NumPy array file: {error}", "write it with numpy") from error
    if len(arrays) != 1:
        raise DataError(f"{path} holds {len(arrays)} arrays", "save just one")
    (array,) = arrays.values()
    if not len(array.shape) or not len(array):
        raise DataError(f"{path} holds no input", "save at least one")
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[1:] != contract.shape:
        wanted = ", ".join(map(str, contract.shape))
        raise DataError(
            f"{path} is {array.dtype} {list(array.shape)}, but the model takes uint8 [N, {wanted}]",
            "save bytes from 0 to 255 in NCHW order: scaling, mean and std run inside the model",
        )
    return np.ascontiguousarray(array)
