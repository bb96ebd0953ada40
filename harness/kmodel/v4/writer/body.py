"""How v4 stores what nodes' bodies are made of; the counterpart of `harness.kmodel.v4.body`."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.errors import ConversionError
from harness.kmodel.memory import Buffer, DType, Layout, Memory
from harness.kmodel.operations import Clamp, Operation, Padding, Requantization
from harness.kmodel.program import Program
from harness.kmodel.v4.body import DTYPES, MEMORIES, RANK
from harness.kmodel.writer import Writer, stored

NO_RANGE = bytes(16)
# nncase 0.2 places everything in main memory and among the constants at multiples of this.
ALIGNMENT = 8


@dataclass
class Constants:
    """The constants of a file: what ranges mean by memory 0.

    Bytes that several buffers share are stored once, and buffers keep their order.

    Attributes:
        program: Where the bytes are.
        blocks: Ranges of bytes of the program's data, none of which overlap.
        places: Where each begins among the constants of the new file.
    """

    program: Program
    blocks: list[tuple[int, int]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    size: int = 0

    @classmethod
    def of(cls, program: Program, buffers: Iterable[Buffer]) -> Constants:
        """Lay out the constants that some buffers stand for."""
        constants = cls(program)
        for start, end in sorted({(buffer.offset, buffer.end) for buffer in buffers}):
            if constants.blocks and start < constants.blocks[-1][1]:
                first, last = constants.blocks[-1]
                constants.blocks[-1] = first, max(last, end)
            else:
                constants.blocks.append((start, end))
        for start, end in constants.blocks:
            constants.places.append(constants.size)
            constants.size += end - start + -(end - start) % ALIGNMENT
        return constants

    def place(self, buffer: Buffer) -> int:
        """Return where a buffer begins among the constants."""
        index = bisect_right(self.blocks, buffer.offset, key=lambda block: block[0]) - 1
        return self.places[index] + buffer.offset - self.blocks[index][0]

    def write(self, writer: Writer) -> None:
        """Append all of them."""
        for start, end in self.blocks:
            writer.array(self.program.data[start:end])
            writer.raw(bytes(-(end - start) % ALIGNMENT))


@dataclass(frozen=True)
class Body:
    """Where a node is written to.

    Attributes:
        program: The program that is written.
        constants: Its constants.
        out: The file in the making.
    """

    program: Program
    constants: Constants
    out: Writer

    def range(self, buffer: Buffer) -> None:
        """Append a memory range.

        Raises:
            ConversionError: v4 has no such memory, type or layout.
        """
        check_buffer(buffer)
        constant = buffer.memory is Memory.CONSTANT
        self.out.words(
            MEMORIES.index(buffer.memory),
            DTYPES.index(buffer.dtype),
            self.constants.place(buffer) if constant else buffer.offset,
            buffer.nbytes,
        )

    def ends(self, operation: Operation) -> None:
        """Append the ranges of the first input and the first output."""
        self.range(operation.input)
        self.range(operation.output)

    def shape(self, sizes: tuple[int, ...]) -> None:
        """Append a shape as four axes."""
        self.out.words(*four(sizes, 1))

    def paddings(self, *paddings: Padding) -> None:
        """Append what is put before and after each axis.

        Raises:
            ConversionError: Something is put between elements.
        """
        for padding in paddings:
            if padding.interior:
                raise ConversionError(f"puts {padding.interior} elements between each two")
            self.out.words(padding.before, padding.after)

    def clamp(self, clamp: Clamp) -> None:
        """Append the least and the greatest value of a result."""
        self.out.floats(*clamp)

    def result(self, result: Requantization) -> None:
        """Append how a sum becomes a byte: multiplier, shift, offset."""
        self.out.words(result.multiplier, result.shift, result.offset)

    def inline(self, buffer: Buffer, dtype: DType) -> None:
        """Append values that stand in the body.

        Raises:
            ConversionError: They are computed, of another type, or nowhere.
        """
        self.out.array(stored(self.program, buffer, dtype))


def check_buffer(buffer: Buffer) -> None:
    """Check that a memory range can stand for a buffer.

    Raises:
        ConversionError: It cannot.
    """
    if buffer.memory not in MEMORIES:
        raise ConversionError(f"a tensor lies in pool {buffer.pool.name!r}, not in main memory")
    if buffer.dtype not in DTYPES:
        raise ConversionError(f"a tensor is {buffer.dtype.value}, neither float32 nor uint8")
    if buffer.layout is Layout.STRIDED and not buffer.contiguous:
        raise ConversionError(f"a tensor has gaps, strides {buffer.strides} of {buffer.shape}")


def four(values: tuple[int, ...], fill: int) -> tuple[int, ...]:
    """Return one number for each of four axes, with `fill` for those in front.

    Raises:
        ConversionError: There are more than four.
    """
    if len(values) > RANK:
        raise ConversionError(f"{len(values)} axes, where v4 has {RANK}: {values}")
    return (fill,) * (RANK - len(values)) + values
