"""How v3 stores what layers' bodies are made of; the counterpart of `harness.kmodel.v3.body`."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from harness.errors import ConversionError
from harness.kmodel.memory import Buffer, DType, Memory
from harness.kmodel.operations import Activation, Operation
from harness.kmodel.program import Program
from harness.kmodel.v3.body import ACTIVATIONS
from harness.kmodel.writer import Writer, stored


@dataclass(frozen=True)
class Body:
    """Where a layer is written to.

    Attributes:
        program: The program that is written.
        out: The file in the making.
    """

    program: Program
    out: Writer

    def address(self, buffer: Buffer, dtype: DType) -> None:
        """Append the address of a tensor without gaps in main memory.

        Raises:
            ConversionError: It lies elsewhere, or is of another type.
        """
        if buffer.memory is not Memory.MAIN:
            raise ConversionError(f"a tensor lies in pool {buffer.pool.name!r}, not in main memory")
        if buffer.dtype is not dtype:
            raise ConversionError(f"a tensor is {buffer.dtype.value}, not {dtype.value}")
        if not buffer.contiguous:
            raise ConversionError(f"a tensor has gaps, strides {buffer.strides} of {buffer.shape}")
        self.out.words(buffer.offset)

    def row(self, buffer: Buffer) -> None:
        """Append the row of 64 bytes at which a map begins in KPU memory.

        Raises:
            ConversionError: It lies elsewhere.
        """
        if buffer.memory is not Memory.KPU:
            raise ConversionError(f"a tensor lies in pool {buffer.pool.name!r}, not in KPU memory")
        self.out.words(buffer.offset // 64)

    def ends(self, operation: Operation, source: DType, result: DType) -> None:
        """Append the addresses of the first input and the first output."""
        self.address(operation.input, source)
        self.address(operation.output, result)

    def image(self, shape: tuple[int, ...]) -> None:
        """Append the shape of one image: width, height, channels.

        Raises:
            ConversionError: There are several images.
        """
        channels, height, width = chw(shape)
        self.out.words(width, height, channels)

    def pair(self, sizes: tuple[int, int]) -> None:
        """Append width and height of a height and a width."""
        height, width = sizes
        self.out.words(width, height)

    def activation(self, activation: Activation) -> None:
        """Append the number of an activation."""
        self.out.words(ACTIVATIONS.index(activation))

    def inline(self, buffer: Buffer, dtype: DType) -> None:
        """Append values that stand in the body.

        Raises:
            ConversionError: They are computed, of another type, or nowhere.
        """
        self.out.array(stored(self.program, buffer, dtype))


def chw(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return channels, height and width of one image.

    Raises:
        ConversionError: There are several images, or other axes.
    """
    *more, channels, height, width = (1, 1, 1, *shape)[-max(3, len(shape)) :]
    if prod(more) != 1:
        raise ConversionError(f"a tensor of {shape}, where v3 has one image [1, C, H, W]")
    return channels, height, width
