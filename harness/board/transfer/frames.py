"""Frames of `device_scripts/receiver.py`: a line each, which says itself whether it came whole."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

HEAD = struct.Struct("<IHB")
CRC_BYTES = 4
STORED, DEFLATED, TRIAL, WISH, END = b"szpge"
# What a line must not carry: the escape itself, Ctrl-C, Ctrl-D and both ends of lines.
ESCAPES = (
    (b"\x10", b"\x10e"),
    (b"\x03", b"\x10c"),
    (b"\x04", b"\x10d"),
    (b"\n", b"\x10n"),
    (b"\r", b"\x10r"),
)
# A block that unpacks to more would not be held by a small heap.
MOST_BYTES = 4096
# uzlib takes every window; blocks are no longer than this one.
WINDOW_BITS = 12
EVERY_BYTE = bytes(range(256))


@dataclass(frozen=True)
class Frame:
    """What a line carries.

    Attributes:
        kind: One of the letters above.
        offset: Where in the file.
        data: Bytes of the file.
    """

    kind: int
    offset: int
    data: bytes


def line(kind: int, offset: int, data: bytes, raw: bool, count: int | None = None) -> bytes:
    """Return a frame as a line, in bytes (`raw`) or in base64.

    Args:
        kind: One of the letters above.
        offset: Where in the file.
        data: As it travels.
        raw: Whether the line bears all bytes but those that are escaped.
        count: Of the bytes before they were deflated.
    """
    body = HEAD.pack(offset, len(data) if count is None else count, kind) + data
    body = struct.pack("<I", zlib.crc32(body)) + body
    if not raw:
        return b"B" + base64.b64encode(body) + b"\n"
    for plain, escaped in ESCAPES:
        body = body.replace(plain, escaped)
    return b"R" + body + b"\n"


def opened(text: bytes) -> Frame | None:
    """Return what a line without its end carries; None where it is damaged, or no frame."""
    mark, body = text[:1], text[1:]
    if mark == b"R":
        for plain, escaped in reversed(ESCAPES):
            body = body.replace(escaped, plain)
    elif mark == b"B":
        try:
            body = base64.b64decode(body, validate=True)
        except binascii.Error:
            return None
    if mark not in (b"R", b"B") or len(body) < CRC_BYTES + HEAD.size:
        return None
    if zlib.crc32(body[CRC_BYTES:]) != int.from_bytes(body[:CRC_BYTES], "little"):
        return None
    offset, count, kind = HEAD.unpack_from(body, CRC_BYTES)
    data = body[CRC_BYTES + HEAD.size :]
    return Frame(kind, offset, data) if kind != STORED or len(data) == count else None


def trial() -> bytes:
    """Return a line with every byte in it, which shows whether the line bears them."""
    return line(TRIAL, 0, EVERY_BYTE, raw=True)


def question(number: int) -> bytes:
    """Return a short trial, which the board answers with what it has and this number."""
    return line(TRIAL, number, b"", raw=False)


@dataclass(frozen=True)
class Block:
    """A piece of a file, ready to go.

    Attributes:
        offset: Where in the file.
        size: Bytes of the file.
        line: What travels.
    """

    offset: int
    size: int
    line: bytes


def blocks(data: bytes, start: int, step: int, raw: bool, deflate: bool) -> Iterator[Block]:
    """Yield a file from `start` on, in blocks that travel as about `step` bytes or fewer.

    Args:
        data: The whole file.
        start: What the board has already.
        step: Bytes of the file in a block that is not deflated.
        raw: See `line`.
        deflate: Whether the board unpacks; a block is deflated only where that saves a tenth.
    """
    while start < len(data):
        block = _deflated(data, start, step, raw) if deflate else None
        if block is None:
            piece = data[start : start + step]
            block = Block(start, len(piece), line(STORED, start, piece, raw))
        yield block
        start += block.size


def _deflated(data: bytes, start: int, step: int, raw: bool) -> Block | None:
    """Return the longest block that deflates to `step` bytes, if one saves a tenth."""
    size = MOST_BYTES
    while size >= step:
        piece = data[start : start + size]
        packer = zlib.compressobj(9, zlib.DEFLATED, -WINDOW_BITS)
        packed = packer.compress(piece) + packer.flush()
        if len(packed) <= min(step, len(piece) * 9 // 10):
            return Block(start, len(piece), line(DEFLATED, start, packed, raw, len(piece)))
        size //= 2
    return None
