"""Unlabelled pictures of a domain, `DATA/<domain>/…`, and which of them are held out."""

from __future__ import annotations

import hashlib
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, UnidentifiedImageError

from harness.data.archive import PICTURE_SUFFIXES, Archive, has_suffix, open_archive
from harness.data.images import load_images
from harness.data.items import Item
from harness.errors import DataError
from harness.method import InputContract
from harness.progress import SILENT, Progress

if TYPE_CHECKING:
    from harness.method import Images

# A single one tells nothing about a domain, and one at least is held out.
FEWEST = 8
HELD_OUT_SHARE = 0.2


@dataclass(frozen=True)
class Domain:
    """Pictures of one domain.

    Attributes:
        ids: One name a picture.
        images: uint8 [N, C, H, W].
    """

    ids: tuple[str, ...]
    images: Images

    def __len__(self) -> int:
        return len(self.ids)

    def fingerprint(self) -> str:
        """Return a hash of names and bytes of all pictures."""
        digest = hashlib.sha256()
        for name, image in zip(self.ids, self.images, strict=True):
            digest.update(f"{name}\0{image.shape}\0".encode() + image.tobytes())
        return digest.hexdigest()

    def take(self, places: list[int]) -> Domain:
        """Return the pictures at some places."""
        return Domain(tuple(self.ids[place] for place in places), self.images[places])

    def split(self, share: float = HELD_OUT_SHARE) -> tuple[Domain, Domain]:
        """Return what is learnt from and what is held out.

        Pictures are held out by what they show, not by name or place: equal ones lie on one
        side, whatever else is in the domain's folder and in which order.

        Raises:
            DataError: All pictures are the same.
        """
        shown = [hashlib.sha256(image.tobytes()).digest() for image in self.images]
        different = sorted(set(shown))
        if len(different) < 2:
            raise DataError(
                f"all {len(self)} pictures are the same, so that none can be held out",
                "give different pictures",
            )
        chosen = set(different[: min(math.ceil(share * len(different)), len(different) - 1)])
        places = range(len(self))
        return (
            self.take([place for place in places if shown[place] not in chosen]),
            self.take([place for place in places if shown[place] in chosen]),
        )


def read_domains(
    data: Path, names: tuple[str, ...], contract: InputContract, progress: Progress = SILENT
) -> tuple[Domain, ...]:
    """Read the pictures of several domains from a folder or zip, one folder a domain.

    Pictures are cropped and scaled down as the contract says, never enlarged.

    Raises:
        DataError: A domain is missing or has too few pictures, a picture does not decode or is
            too small, or its mode has more than 8 bits a channel.
    """
    archive = open_archive(data)
    items = [_items(archive, name) for name in names]
    for name, found in zip(names, items, strict=True):
        _check_count(data, name, len(found))
        for item in found:
            _check_picture(item, contract)
    return tuple(
        Domain(tuple(item.id for item in found), load_images(found, contract, progress))
        for found in items
    )


def _items(archive: Archive, name: str) -> list[Item]:
    pictures = [
        path
        for path in archive.files
        if path.startswith(f"{name}/") and has_suffix(path, PICTURE_SUFFIXES)
    ]
    return [Item(path, name, None, archive.files[path]) for path in pictures]


def _check_count(data: Path, name: str, count: int) -> None:
    if count < FEWEST:
        found = f"{count} pictures" if count else "no picture"
        raise DataError(
            f"{data} holds {found} of the domain {name!r}",
            f"put at least {FEWEST} into the folder {name}/ in it",
        )


def _check_picture(item: Item, contract: InputContract) -> None:
    try:
        with Image.open(io.BytesIO(item.read())) as image:
            size, mode = image.size, image.mode
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return  # which decoding will say better
    _, height, width = contract.shape
    if size[0] < width or size[1] < height:
        raise DataError(
            f"{item.id} is {size[0]} x {size[1]} pixels and would have to be enlarged",
            f"give pictures of at least {width} x {height} pixels",
        )
    if mode.startswith(("I", "F")):
        raise DataError(
            f"{item.id} is of mode {mode}, with more than 8 bits a channel",
            "save it as 8-bit grey or RGB",
        )
