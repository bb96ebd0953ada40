"""A folder or a zip as a mapping of relative path → reader; nothing is ever unpacked to disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from harness.data.items import natural_key
from harness.data.zip_archive import zip_readers
from harness.errors import DataError

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")

# What operating systems and cards leave behind; names that begin with a dot are ignored too.
LITTER = frozenset({"__macosx", "thumbs.db", "desktop.ini", "system volume information"})

NAMES_SHOWN = 5


@dataclass(frozen=True)
class Archive:
    """The files of a folder or a zip.

    Attributes:
        path: Where it lies.
        is_zip: Whether it is a zip.
        files: Readers by relative path with forward slashes, in natural order, without litter.
    """

    path: Path
    is_zip: bool
    files: Mapping[str, Callable[[], bytes]]


def open_archive(path: Path) -> Archive:
    """List a folder or a zip.

    Raises:
        DataError: The path does not exist, is neither folder nor zip, or is a zip that is
            damaged, too large or unsafe.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist", "check the path")
    if path.is_dir():
        return Archive(path, False, _without_litter(_folder_readers(path)))
    if path.suffix.lower() == ".zip" or _begins_like_zip(path):
        return Archive(path, True, _without_litter(zip_readers(path)))
    raise DataError(f"{path} is neither a folder nor a zip", "give a folder or a .zip file")


def has_suffix(name: str, suffixes: Iterable[str]) -> bool:
    """Say whether a file name ends in one of the suffixes, whatever its case."""
    return PurePosixPath(name).suffix.lower() in suffixes


def listed(names: Iterable[str]) -> str:
    """Write names for a message: the first few, and how many more there are."""
    names = sorted(names, key=natural_key)
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _begins_like_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == b"PK"


def _without_litter(
    readers: Mapping[str, Callable[[], bytes]],
) -> dict[str, Callable[[], bytes]]:
    kept = sorted((name for name in readers if not _is_litter(name)), key=natural_key)
    return {name: readers[name] for name in kept}


def _is_litter(name: str) -> bool:
    return any(
        part.startswith(".") or part.casefold() in LITTER for part in PurePosixPath(name).parts
    )


def _folder_readers(top: Path) -> dict[str, Callable[[], bytes]]:
    readers: dict[str, Callable[[], bytes]] = {}
    for folder, _, names in os.walk(top, onerror=_refuse_folder):
        for name in names:
            file = Path(folder) / name
            readers[file.relative_to(top).as_posix()] = partial(_read_file, file)
    return readers


def _refuse_folder(error: OSError) -> None:
    raise DataError(f"{error.filename} cannot be listed: {error.strerror}", "check its rights")


def _read_file(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}", "check the file") from error
