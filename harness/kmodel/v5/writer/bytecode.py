"""Assembles the stack machine's code."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import ConversionError
from harness.kmodel.memory import Buffer
from harness.kmodel.operations import Padding
from harness.kmodel.v5.opcodes import (
    LOAD_ADDRESS,
    LOAD_FLOAT,
    LOAD_INT,
    STORE_PADDINGS,
    STORE_SHAPE,
    TENSOR,
)
from harness.kmodel.v5.releases import Release
from harness.kmodel.v5.writer.parts import packed

Operand = int | float | bool


class Code:
    """Code under construction; what does not fit raises a `ConversionError`.

    Args:
        release: How tensor instructions are numbered and packed.
    """

    def __init__(self, release: Release) -> None:
        self.release = release
        self.done = bytearray()

    def integer(self, value: int) -> None:
        """Push an integer of 32 bits."""
        self.done += packed("Bi", LOAD_INT, value)

    def real(self, value: float) -> None:
        """Push a float of 32 bits."""
        self.done += packed("Bf", LOAD_FLOAT, value)

    def address(self, location: int, offset: int) -> None:
        """Push a place in a memory location of the module."""
        self.done += packed("BBBI", LOAD_ADDRESS, location, 0, offset)

    def padding(self, padding: Padding) -> None:
        """Push the numbers of a padding."""
        words = self.release.padding_words
        if any(padding[words:]):
            raise ConversionError(f"releases {self.release.releases} put nothing inside")
        for value in padding[:words]:
            self.integer(value)

    def shape(self, register: int, numbers: Sequence[int]) -> None:
        """Set a shape register."""
        for number in numbers:
            self.integer(number)
        self.done += packed("BBB", STORE_SHAPE, register, len(numbers))

    def paddings(self, register: int, paddings: Sequence[Padding]) -> None:
        """Set a padding register."""
        for padding in paddings:
            self.padding(padding)
        self.done += packed("BBB", STORE_PADDINGS, register, len(paddings))

    def tensor(self, name: str, operands: Sequence[Operand]) -> None:
        """Append a tensor instruction with its operands in the release's order."""
        layout = self.release.layout(name)
        if layout is None or name not in self.release.functions:
            raise ConversionError(f"no runtime of releases {self.release.releases} has {name}")
        number = self.release.functions.index(name)
        self.done += packed("BH", TENSOR, number) + packed(layout.packed.format[1:], *operands)


def written_strides(buffer: Buffer, release: Release) -> tuple[int, ...]:
    """Return a buffer's strides as a release writes them."""
    if not release.strides_of_one:
        return buffer.strides
    found, step = [], 1
    for size, stride in zip(reversed(buffer.shape), reversed(buffer.strides), strict=True):
        found.append(step if size == 1 else stride)
        step = found[-1] * size
    return tuple(reversed(found))
