"""Where a program's tensors lie: pools of bytes, and buffers in them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import prod
from typing import Any

import numpy as np

from harness.kmodel.layout import kpu_bytes

KPU_BYTES = 2 * 1024 * 1024
MAIN_BYTES = 6 * 1024 * 1024
FLASH_BYTES = 16 * 1024 * 1024


class Memory(Enum):
    """Kinds of memory; the value is what tables and JSON show."""

    INPUT = "input"
    OUTPUT = "output"
    CONSTANT = "constant"
    MAIN = "main"
    KPU = "kpu"


class DType(Enum):
    """Element types; the value is what tables and JSON show."""

    I8 = "int8"
    I16 = "int16"
    I32 = "int32"
    I64 = "int64"
    U8 = "uint8"
    U16 = "uint16"
    U32 = "uint32"
    U64 = "uint64"
    F16 = "float16"
    F32 = "float32"
    F64 = "float64"
    BF16 = "bfloat16"
    BOOL = "bool"

    @property
    def itemsize(self) -> int:
        """Bytes an element."""
        return 2 if self is DType.BF16 else self.numpy.itemsize

    @property
    def numpy(self) -> np.dtype[Any]:
        """The numpy type; bfloat16, which numpy lacks, is seen as its 16 bits."""
        return np.dtype("<u2" if self is DType.BF16 else self.value).newbyteorder("<")


class Layout(Enum):
    """How a buffer's elements lie in its bytes."""

    STRIDED = "strided"
    KPU_ROWS = "kpu rows"


@dataclass(frozen=True, slots=True)
class Pool:
    """A range of bytes that buffers share.

    Attributes:
        name: Unique in the program: "input", "output", "file", "main", "k210 main", "kpu".
        memory: What kind of memory it is.
        size: Bytes.
    """

    name: str
    memory: Memory
    size: int


@dataclass(frozen=True, slots=True)
class Buffer:
    """A tensor in memory. Buffers may overlap: that is how concatenation in place works.

    Attributes:
        pool: Where it lies.
        offset: First byte, from the start of the pool; in the pool "file" this is the offset in
            the kmodel file itself.
        dtype: Element type.
        shape: Sizes; NCHW where a tensor has four axes.
        strides: Elements from one index to the next, an axis; empty for KPU_ROWS.
        layout: KPU_ROWS for feature maps in KPU memory (see `harness.kmodel.layout`).
    """

    pool: Pool
    offset: int
    dtype: DType
    shape: tuple[int, ...]
    strides: tuple[int, ...] = ()
    layout: Layout = Layout.STRIDED

    @property
    def memory(self) -> Memory:
        """Kind of memory."""
        return self.pool.memory

    @property
    def elements(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes from the first to past the last element, gaps included."""
        if self.layout is Layout.KPU_ROWS:
            batches, channels, height, width = self.shape
            return batches * kpu_bytes(width, height, channels)
        span = sum((size - 1) * step for size, step in zip(self.shape, self.strides, strict=True))
        return (span + 1) * self.dtype.itemsize

    @property
    def end(self) -> int:
        """First byte behind it."""
        return self.offset + self.nbytes

    @property
    def contiguous(self) -> bool:
        """Whether the elements lie one behind the other without gaps."""
        return self.layout is Layout.STRIDED and self.strides == dense_strides(self.shape)


def dense_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides of a tensor without gaps; axes of size 1 have stride 0, as in nncase."""
    steps, step = [], 1
    for size in reversed(shape):
        steps.append(0 if size == 1 else step)
        step *= size
    return tuple(reversed(steps))


def dense(pool: Pool, offset: int, dtype: DType, shape: tuple[int, ...]) -> Buffer:
    """Return a buffer without gaps."""
    return Buffer(pool, offset, dtype, shape, dense_strides(shape))


def feature_map(pool: Pool, row: int, shape: tuple[int, ...]) -> Buffer:
    """Return a uint8 [N, C, H, W] feature map in KPU memory that begins at a 64-byte row."""
    return Buffer(pool, row * 64, DType.U8, shape, layout=Layout.KPU_ROWS)
