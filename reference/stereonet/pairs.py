"""The user's own pairs: `left/` and `right/` pictures, and `disparity/` where it is known."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from harness.data.archive import PICTURE_SUFFIXES, has_suffix, listed, open_archive
from harness.data.decode import decode
from harness.data.images import centered_box, load_image
from harness.errors import DataError
from harness.method import InputContract
from harness.progress import SILENT, Progress
from reference.stereonet.scenes import HEIGHT, WIDTH

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.method import Images

    Disparity = npt.NDArray[np.float32]

LEFT, RIGHT, DISPARITY = "left", "right", "disparity"
# 16-bit pictures of KITTI hold 256 levels a pixel of disparity, and 0 where it is unknown.
LEVELS_A_PIXEL = 256
DISPARITY_SUFFIXES = (".npy", ".png")

Readers = Mapping[str, Callable[[], bytes]]


def contract() -> InputContract:
    """Return what the tower eats: bytes that stand for −1 to 1."""
    return InputContract((3, HEIGHT, WIDTH), range=(-1.0, 1.0))


def read_pairs(
    data: Path, progress: Progress = SILENT
) -> tuple[tuple[str, ...], Images, Images, Disparity | None]:
    """Read pairs from a folder or zip; a file's name without its suffix says what belongs together.

    Pictures are cropped in their middle to 2 : 1 and scaled down to 192 x 96; disparities are
    cropped alike, and shrink with the width.

    Returns:
        Names, left and right pictures, uint8 [N, 3, 96, 192], and disparities, float32
        [N, 1, 96, 192] in pixels of these, 0 where unknown; None without `disparity/`.

    Raises:
        DataError: A side is missing or empty, a picture lacks its other half or is too small,
            has another size than it, or does not decode.
    """
    files = open_archive(data).files
    left, right = (_side(data, files, side) for side in (LEFT, RIGHT))
    alone = sorted(set(left) ^ set(right))
    if alone:
        side = RIGHT if alone[0] in left else LEFT
        raise DataError(
            f"{side}/ has no picture of {listed(alone)}",
            "give the pictures of one pair the same name in left/ and in right/",
        )
    truths = _below(files, DISPARITY, DISPARITY_SUFFIXES)
    lacking = sorted(set(left) - set(truths)) if truths else []
    if lacking:
        raise DataError(
            f"{DISPARITY}/ has no file of {listed(lacking)}",
            "give a .npy or a 16-bit .png for every pair, or none at all",
        )
    lefts, rights, disparities = [], [], []
    with progress.task("Loading pairs", len(left)) as task:
        for name in left:
            size = _same_size(name, left[name], right[name])
            lefts.append(_picture(left[name], f"left/{name}"))
            rights.append(_picture(right[name], f"right/{name}"))
            if truths:
                disparities.append(_fitted(_disparity(*truths[name]), size, name))
            task.advance()
    found = np.stack(disparities) if truths else None
    return tuple(left), np.stack(lefts), np.stack(rights), found


def write_disparity(path: Path, disparity: Disparity) -> None:
    """Write a disparity as KITTI does: a 16-bit picture, 256 levels a pixel, 0 for unknown."""
    levels = np.where(np.isfinite(disparity), disparity, 0) * LEVELS_A_PIXEL
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(levels.clip(0, 65535).round().astype(np.uint16)).save(path)


def _side(data: Path, files: Readers, side: str) -> dict[str, Callable[[], bytes]]:
    found = {name: read for name, (_, read) in _below(files, side, PICTURE_SUFFIXES).items()}
    if not found:
        raise DataError(
            f"{data} holds no pictures in {side}/",
            "put the left pictures into left/ and the right ones, of the same names, into right/",
        )
    return found


def _below(
    files: Readers, folder: str, suffixes: tuple[str, ...]
) -> dict[str, tuple[str, Callable[[], bytes]]]:
    """Return path and reader by name of the files in a folder, wherever it is in the archive."""
    found: dict[str, tuple[str, Callable[[], bytes]]] = {}
    for path, read in files.items():
        parts = PurePosixPath(path).parts
        if folder in (part.lower() for part in parts[:-1]) and has_suffix(path, suffixes):
            name = PurePosixPath(path).stem
            if name in found:
                raise DataError(f"{path} and {found[name][0]} have one name", "rename one of them")
            found[name] = path, read
    return found


def _same_size(name: str, left: Callable[[], bytes], right: Callable[[], bytes]) -> tuple[int, int]:
    """Return width and height of a pair's pictures."""
    sizes = [decode(read(), f"{side}/{name}").size for side, read in ((LEFT, left), (RIGHT, right))]
    if sizes[0] != sizes[1]:
        shown = " and ".join(f"{width} x {height}" for width, height in sizes)
        raise DataError(
            f"the pictures of {name} have different sizes, {shown} pixels",
            "rectify the pair: both pictures need the same lines",
        )
    width, height = sizes[0]
    if width < WIDTH or height < HEIGHT:
        raise DataError(
            f"{name} is {width} x {height} pixels and would have to be enlarged",
            f"give pictures of at least {WIDTH} x {HEIGHT} pixels",
        )
    return width, height


def _picture(read: Callable[[], bytes], name: str) -> Images:
    return load_image(read(), contract(), name)


def _disparity(path: str, read: Callable[[], bytes]) -> Disparity:
    """Return a disparity file as float32 [H, W], 0 where it is unknown."""
    try:
        if has_suffix(path, (".npy",)):
            values = np.load(io.BytesIO(read()), allow_pickle=False)
        else:
            with Image.open(io.BytesIO(read())) as image:
                if not image.mode.startswith("I"):
                    raise ValueError(f"mode {image.mode} is not one of 16 bits")
                values = np.asarray(image) / LEVELS_A_PIXEL
    except (OSError, ValueError, EOFError, UnidentifiedImageError) as error:
        raise DataError(
            f"{path} is no disparity: {error}",
            "give a .npy of floats [H, W], or a 16-bit .png with 256 levels a pixel",
        ) from error
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise DataError(
            f"{path} is {values.dtype} {list(values.shape)}", "give one number a pixel, [H, W]"
        )
    return np.where(np.isfinite(values) & (values > 0), values, 0).astype(np.float32)


def _fitted(disparity: Disparity, size: tuple[int, int], name: str) -> Disparity:
    """Crop and scale a disparity as its picture; nearest values, so that none is made up."""
    if disparity.shape != size[::-1]:
        raise DataError(
            f"the disparity of {name} is {disparity.shape[1]} x {disparity.shape[0]} pixels, its "
            f"pictures are {size[0]} x {size[1]}",
            "give it the size of the pictures",
        )
    box = centered_box(size, (WIDTH, HEIGHT))
    image = Image.fromarray(disparity)
    fitted = np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.NEAREST, box))
    return (fitted * (WIDTH / (box[2] - box[0])))[None].astype(np.float32)
