"""Pieces that both layouts of v5 files are made of: pools, parameters, sections."""

from __future__ import annotations

from harness.kmodel.memory import DType
from harness.kmodel.reader import Reader
from harness.kmodel.v5.model import DTYPES, Parameter, Range, Section

MERGED_INTO_CONSTANTS = 1


def read_part(reader: Reader, start: int, size: int, field: str, at: int) -> Reader:
    """Return a reader of the rest of a part that began at `start`; move past the part."""
    header = reader.position - start
    if not header <= size <= reader.stop - start:
        reader.fail(field, size, f"{header} to {reader.stop - start}", at)
    part = Reader(reader.data, reader.position, start + size)
    reader.position = start + size
    return part


def read_pools(reader: Reader, count: int) -> dict[int, tuple[int, int]]:
    """Read pools: location → (bytes, where the file declares it)."""
    pools = {}
    for _ in range(count):
        location = reader.u8("location of a pool")
        reader.skip(3, "padding")
        at = reader.position
        pools[location] = reader.u32("size of a pool"), at
    return pools


def read_parameters(reader: Reader, count: int) -> tuple[Parameter, ...]:
    """Read inputs or outputs: first all places, then all shapes."""
    places = [memory_range(reader) for _ in range(count)]
    return tuple(
        Parameter(place, reader.shape(reader.u32("rank"), "shape of a tensor")) for place in places
    )


def memory_range(reader: Reader) -> Range:
    """Read a memory range."""
    at = reader.position
    location = reader.u8("location")
    dtype = data_type(reader.u8("data type"), reader)
    reader.skip(2, "shared module")
    return Range(location, dtype, reader.u32("start"), reader.u32("size"), at)


def data_type(number: int, reader: Reader) -> DType:
    """Return the element type of a number.

    Raises:
        KModelError: There is none of that number.
    """
    if number >= len(DTYPES):
        reader.fail("data type", number, f"0 to {len(DTYPES) - 1}")
    return DTYPES[number]


def read_sections(reader: Reader, count: int) -> dict[str, Section]:
    """Read sections; some lie in a part of the constants instead of a body of their own."""
    found: dict[str, Section] = {}
    merged = []
    for _ in range(count):
        at = reader.position
        name = reader.text(16, "section name")
        flags, start, size = (reader.u32(part) for part in ("flags", "body start", "body size"))
        reader.u32("reserved")
        if flags & MERGED_INTO_CONSTANTS:
            merged.append((name, start, size, at))
            continue
        reader.skip(start, "padding before a section")
        body = reader.take(size, f"section {name}")
        found.setdefault(name, Section(body, body + size))
    constants = found.get(".rdata", Section(0, 0))
    for name, start, size, at in merged:
        if start + size > constants.stop - constants.start:
            reader.fail(f"section {name}", f"{start} to {start + size}", "a part of .rdata", at)
        first = constants.start + start
        found.setdefault(name, Section(first, first + size))
    return found
