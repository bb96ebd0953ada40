"""One node's body, and how v4 stores what bodies are made of."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import NamedTuple, TypeVar

from harness.kmodel.build import KnownShapes, constant, inside
from harness.kmodel.kpu_layer import LayerReader
from harness.kmodel.memory import Buffer, DType, Memory, Pool, dense, feature_map
from harness.kmodel.operations.base import Clamp, Padding
from harness.kmodel.reader import Reader

MEMORIES = (Memory.CONSTANT, Memory.MAIN, Memory.KPU)
DTYPES = (DType.F32, DType.U8)
RANK = 4

Choice = TypeVar("Choice")


class Range(NamedTuple):
    """A `memory_range` of 16 bytes: where a tensor lies, without its shape.

    Attributes:
        pool: The pool.
        start: First byte in the pool.
        dtype: Element type.
        size: Bytes.
        at: Where the range stands in the file.
    """

    pool: Pool
    start: int
    dtype: DType
    size: int
    at: int


@dataclass(frozen=True)
class Surroundings:
    """What the nodes of one file share.

    Attributes:
        file: The file itself.
        main: Main memory.
        kpu: KPU memory.
        constants: First byte of the constants in the file.
        constants_size: Their bytes.
        reader: Makes KPU layers.
        shapes: What is known of shapes that bodies do not store.
    """

    file: Pool
    main: Pool
    kpu: Pool
    constants: int
    constants_size: int
    reader: LayerReader
    shapes: KnownShapes

    def range(self, reader: Reader) -> Range:
        """Read a memory range."""
        at = reader.position
        memory = choice(reader, MEMORIES, "memory type")
        dtype = choice(reader, DTYPES, "data type")
        start, size = reader.u32("start"), reader.u32("size")
        if memory is not Memory.CONSTANT:
            return Range(self.main if memory is Memory.MAIN else self.kpu, start, dtype, size, at)
        if start + size > self.constants_size:
            reader.fail("constant", f"{start} to {start + size}", "a place in the constants", at)
        return Range(self.file, self.constants + start, dtype, size, at)


@dataclass(frozen=True)
class Body:
    """The bytes of one node.

    Attributes:
        file: What the nodes of the file share.
        reader: Stands at the next field.
        at: Where the body begins in the file.
    """

    file: Surroundings
    reader: Reader
    at: int

    def range(self) -> Range:
        """Read a memory range."""
        return self.file.range(self.reader)

    def shape(self, field: str = "input shape") -> tuple[int, ...]:
        """Read a shape of four axes."""
        return self.reader.shape(RANK, field)

    def numbers(self, count: int, field: str) -> tuple[int, ...]:
        """Read signed numbers."""
        return tuple(self.reader.i32(field) for _ in range(count))

    def pair(self, field: str) -> tuple[int, int]:
        """Read two numbers from 1 to 2^24, for height and width."""
        height, width = self.reader.shape(2, field)
        return height, width

    def padding(self, field: str) -> Padding:
        """Read what is put before and after an axis."""
        return Padding(*self.numbers(2, field))

    def clamp(self) -> Clamp:
        """Read the least and the greatest value of a result."""
        return self.reader.f32("least value"), self.reader.f32("greatest value")

    def tensor(self, place: Range, shape: tuple[int, ...]) -> Buffer:
        """Return a range as a tensor without gaps, or as a feature map in KPU memory.

        Raises:
            KModelError: It does not lie inside its pool.
        """
        if place.pool.memory is Memory.KPU:
            return _feature_map(self.reader, place, shape)
        return inside(dense(place.pool, place.start, place.dtype, shape), "a tensor", place.at)

    def known(self, place: Range) -> Buffer:
        """Return a range as a tensor with the shape that it was written with."""
        elements = place.size // place.dtype.itemsize
        if elements == 0:
            self.reader.fail("size of a tensor", place.size, "at least one element", place.at)
        return self.tensor(place, self.file.shapes.read(place.pool, place.start, elements))

    def inline(self, dtype: DType, shape: tuple[int, ...], field: str) -> Buffer:
        """Read values that stand in the body, as a constant."""
        start = self.reader.take(prod(shape) * dtype.itemsize, field)
        return constant(self.file.file, start, dtype, shape, field)

    def positive(self, sizes: tuple[int, ...], field: str) -> tuple[int, ...]:
        """Return computed sizes.

        Raises:
            KModelError: One is below 1 or beyond any memory.
        """
        if not all(0 < size < 1 << 24 for size in sizes):
            self.reader.fail(field, sizes, "sizes from 1 to 2^24", self.at)
        return sizes


def choice(reader: Reader, choices: tuple[Choice, ...], field: str) -> Choice:
    """Read a number of 32 bits that stands for one of `choices`."""
    at, value = reader.position, reader.u32(field)
    if value >= len(choices):
        reader.fail(field, value, f"0 to {len(choices) - 1}", at)
    return choices[value]


def _feature_map(reader: Reader, place: Range, shape: tuple[int, ...]) -> Buffer:
    row, rest = divmod(place.start, 64)
    if rest or place.dtype is not DType.U8 or len(shape) != RANK:
        found = f"{place.dtype.value} {shape} at {place.start}"
        reader.fail("tensor in KPU memory", found, "a uint8 NCHW map at a row of 64", place.at)
    return inside(feature_map(place.pool, row, shape), "a feature map", place.at)
