"""A cursor over a kmodel's bytes that never reads outside its bounds."""

from __future__ import annotations

import struct
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from harness.errors import KModelError

Bytes = npt.NDArray[np.uint8]

MAX_RANK = 8


class Reader:
    """Reads little-endian values from `data[start:stop]`, moving forward.

    Args:
        data: uint8 [file size], the whole file, so that offsets in errors are file offsets.
        start: First byte that belongs to the reader.
        stop: First byte that does not; None for the end of the file.
    """

    def __init__(self, data: Bytes, start: int = 0, stop: int | None = None) -> None:
        self.data = data
        self.position = start
        self.stop = len(data) if stop is None else stop
        self._buffer = data.data

    @property
    def left(self) -> int:
        """Bytes that can still be read."""
        return self.stop - self.position

    def fail(self, field: str, value: object, expected: str, at: int | None = None) -> NoReturn:
        """Raise the error of a field.

        Raises:
            KModelError: Always; `at` replaces the current position as its offset.
        """
        raise KModelError(self.position if at is None else at, field, value, expected)

    def take(self, size: int, field: str) -> int:
        """Move past `size` bytes and return where they began.

        Raises:
            KModelError: Fewer are left.
        """
        if not 0 <= size <= self.left:
            self.fail(field, f"{size} bytes long", f"at most the {self.left} bytes that are left")
        start = self.position
        self.position += size
        return start

    def skip(self, size: int, field: str) -> None:
        """Move past `size` bytes that nobody reads."""
        self.take(size, field)

    def bytes(self, size: int, field: str) -> Bytes:
        """Return a view of the next `size` bytes."""
        start = self.take(size, field)
        return self.data[start : start + size]

    def unpack(self, layout: struct.Struct, field: str) -> tuple[Any, ...]:
        """Return the values of a packed little-endian struct."""
        return layout.unpack_from(self._buffer, self.take(layout.size, field))

    def u8(self, field: str) -> int:
        """Return an unsigned byte."""
        return int(self.data[self.take(1, field)])

    def u32(self, field: str) -> int:
        """Return an unsigned 32-bit number."""
        return int.from_bytes(self._buffer[(at := self.take(4, field)) : at + 4], "little")

    def i32(self, field: str) -> int:
        """Return a signed 32-bit number."""
        at = self.take(4, field)
        return int.from_bytes(self._buffer[at : at + 4], "little", signed=True)

    def f32(self, field: str) -> float:
        """Return a 32-bit float."""
        (value,) = struct.unpack_from("<f", self._buffer, self.take(4, field))
        return float(value)

    def array(self, dtype: str, count: int, field: str) -> npt.NDArray[Any]:
        """Return a view of `count` values of a little-endian numpy type, such as "<u8"."""
        kind = np.dtype(dtype)
        return self.bytes(count * kind.itemsize, field).view(kind)

    def text(self, size: int, field: str) -> str:
        """Return a NUL-padded ASCII name."""
        raw = self.bytes(size, field).tobytes()
        name = raw.split(b"\0", 1)[0]
        if not name.isascii():
            self.fail(field, raw, "an ASCII name", self.position - size)
        return name.decode("ascii")

    def shape(self, rank: int, field: str) -> tuple[int, ...]:
        """Return `rank` sizes of 32 bits, each at least 1 and below 2^24."""
        if rank > MAX_RANK:
            self.fail(f"{field} rank", rank, f"at most {MAX_RANK}")
        at = self.position
        sizes = tuple(int(size) for size in self.array("<u4", rank, field))
        if not all(0 < size < 1 << 24 for size in sizes):
            self.fail(field, sizes, "sizes from 1 to 2^24", at)
        return sizes

    def count(self, field: str, each: int) -> int:
        """Return a 32-bit number of things of at least `each` bytes that still have to follow."""
        at = self.position
        number = self.u32(field)
        if number * each > self.left:
            self.fail(field, number, f"at most {self.left // each}, for what is left of it", at)
        return number
