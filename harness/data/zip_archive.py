"""Zips from strangers: every entry is checked before a byte of it is believed."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from harness.errors import DataError

# V-Training takes uploads of up to 200 MB without saying whether a megabyte is 1000² or 1024²
# bytes. Windows, where most cards are zipped, and web servers count 1024², and this reading
# refuses no archive that the service may have taken.
ZIP_LIMIT = 200 * 1024**2

# Photographs hardly shrink in a zip: what unpacks to much more than it weighs is a bomb.
UNPACKED_LIMIT = 5 * ZIP_LIMIT
ENTRY_LIMIT = 100 * 1024**2
RATIO_LIMIT = 100
RATIO_COUNTS_FROM = 50 * 1024**2

_ENCRYPTED = 0x1
_UTF8 = 0x800


def zip_readers(path: Path) -> dict[str, Callable[[], bytes]]:
    """Return a reader for each file in a zip, by relative path.

    Raises:
        DataError: The zip is over the limit, damaged, or holds an entry that is unsafe,
            encrypted, doubled or a bomb. The readers raise it on damaged contents.
    """
    _check_size(path)
    with _naming_damage(path):
        archive = ZipFile(path)
        entries = archive.infolist()
    _check_unpacked(path, entries)
    readers: dict[str, Callable[[], bytes]] = {}
    for entry in entries:
        name = _safe_name(path, entry)
        if name.endswith("/"):
            continue
        _check_contents(path, name, entry)
        relative = str(PurePosixPath(name))
        if relative in readers:
            raise DataError(f"{path} holds {relative!r} twice", "zip the folders afresh")
        readers[relative] = partial(_read_entry, archive, entry, path)
    return readers


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    if size > ZIP_LIMIT:
        raise DataError(
            f"{path} has {size:,} bytes, more than the {ZIP_LIMIT:,} bytes (200 MB) allowed",
            "leave out some photographs, or give the folder instead of a zip",
        )


def _check_unpacked(path: Path, entries: list[ZipInfo]) -> None:
    total = sum(entry.file_size for entry in entries)
    largest = max((entry.file_size for entry in entries), default=0)
    ratio_broken = total > RATIO_COUNTS_FROM and total > RATIO_LIMIT * path.stat().st_size
    if total > UNPACKED_LIMIT or largest > ENTRY_LIMIT or ratio_broken:
        raise DataError(
            f"{path} would unpack to {total:,} bytes (largest file {largest:,}): a zip bomb, or "
            "no photographs",
            "zip only the photographs",
        )


def _safe_name(path: Path, entry: ZipInfo) -> str:
    name = _decoded_name(entry)
    first = name.split("/", 1)[0]
    unsafe = (
        not first
        or first.endswith(":")
        or (len(first) > 1 and first[1] == ":")
        or "\\" in name
        or ".." in name.split("/")
        or any(character < " " for character in name)
        or stat.S_ISLNK(entry.external_attr >> 16)
    )
    if unsafe:
        raise DataError(
            f"{path} holds {name!r}, which points out of the archive or is a link",
            "zip the folders afresh with an ordinary program, and open no zip you do not trust",
        )
    return name


def _decoded_name(entry: ZipInfo) -> str:
    if entry.flag_bits & _UTF8:
        return entry.filename
    # Without the flag a name was meant as UTF-8 (macOS) or in the maker's code page (Windows in
    # Japan); zipfile has read it as code page 437.
    raw = entry.filename.encode("cp437")
    for encoding in ("utf-8", "cp932"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return entry.filename


def _check_contents(path: Path, name: str, entry: ZipInfo) -> None:
    if entry.flag_bits & _ENCRYPTED:
        raise DataError(f"{path} is encrypted ({name!r})", "zip the folders without a password")
    # zipfile bounds what these two unpack to at a time; of the other methods it does not.
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise DataError(
            f"{path} packs {name!r} with method {entry.compress_type}",
            "zip the folders with the ordinary method (deflate)",
        )


def _read_entry(archive: ZipFile, entry: ZipInfo, path: Path) -> bytes:
    with _naming_damage(path), archive.open(entry) as stream:
        return stream.read(entry.file_size)


@contextmanager
def _naming_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # zipfile raises nearly every type there is on damaged bytes
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"{path} is damaged or cut short: {reason}", "copy it again, or zip the folders afresh"
        ) from error
