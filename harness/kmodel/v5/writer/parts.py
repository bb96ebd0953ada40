"""Pieces of v5 files as bytes: the other way round than `harness.kmodel.v5.parts`."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from harness.errors import ConversionError
from harness.kmodel.memory import DType
from harness.kmodel.v5.model import DTYPES, Parameter

ALIGNMENT = 8


def packed(layout: str, *values: object) -> bytes:
    """Return values as a little-endian struct.

    Raises:
        ConversionError: One does not fit into its field.
    """
    try:
        return struct.pack(f"<{layout}", *values)
    except (struct.error, OverflowError):
        raise ConversionError(f"{values} do not fit into fields {layout!r}") from None


def aligned(offset: int, alignment: int = ALIGNMENT) -> int:
    """Return the next multiple of an alignment."""
    return -(-offset // alignment) * alignment


def padding_to(size: int, alignment: int = ALIGNMENT) -> bytes:
    """Return the zeros that bring a size up to a multiple of an alignment."""
    return bytes(-size % alignment)


def dtype_number(dtype: DType) -> int:
    """Return the number of an element type in files.

    Raises:
        ConversionError: It has none.
    """
    if dtype not in DTYPES:
        raise ConversionError(f"files have no type {dtype.value}")
    return DTYPES.index(dtype)


def range_bytes(location: int, dtype: DType, start: int, size: int) -> bytes:
    """Return a memory range."""
    return packed("BBHII", location, dtype_number(dtype), 0, start, size)


def pool_bytes(location: int, size: int) -> bytes:
    """Return the declaration of a memory pool."""
    return packed("BxxxI", location, size)


def parameter_bytes(parameters: Sequence[Parameter]) -> bytes:
    """Return inputs or outputs: first all places, then all shapes."""
    places, shapes = [p.place for p in parameters], [p.shape for p in parameters]
    return b"".join(
        (
            *(range_bytes(p.location, p.dtype, p.start, p.size) for p in places),
            *(packed(f"{len(shape) + 1}I", len(shape), *shape) for shape in shapes),
        )
    )
