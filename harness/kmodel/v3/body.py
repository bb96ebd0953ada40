"""One layer's body, and how v3 stores what bodies are made of.

A body begins with flags. Addresses are bytes in main memory, KPU addresses rows of 64 bytes,
offsets bytes from the start of the file. Shapes are stored as width, height, channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.kmodel.build import KnownShapes, inside
from harness.kmodel.kpu_layer import LayerReader
from harness.kmodel.memory import Buffer, DType, Pool, dense
from harness.kmodel.operations.arithmetic import Activation
from harness.kmodel.reader import Reader

ACTIVATIONS = (Activation.LINEAR, Activation.RELU, Activation.RELU6)


@dataclass(frozen=True)
class Surroundings:
    """What the layers of one file share."""

    main: Pool
    kpu: Pool
    file: Pool
    reader: LayerReader
    shapes: KnownShapes


@dataclass(frozen=True)
class Body:
    """The bytes of one layer.

    Attributes:
        file: What the layers of the file share.
        reader: Stands at the next field.
        at: Where the body begins in the file.
    """

    file: Surroundings
    reader: Reader
    at: int

    def tensor(self, address: int, dtype: DType, shape: Sequence[int]) -> Buffer:
        """Return a tensor without gaps in main memory."""
        return inside(dense(self.file.main, address, dtype, tuple(shape)), "a tensor", self.at)

    def known(self, address: int, dtype: DType, elements: int) -> Buffer:
        """Return a tensor in main memory with the shape that it was written with."""
        shape = self.file.shapes.read(self.file.main, address, elements)
        return self.tensor(address, dtype, shape)

    def ends(self) -> tuple[int, int]:
        """Read the flags and the addresses of one input and one output."""
        self.reader.u32("flags")
        return self.reader.u32("address of the input"), self.reader.u32("address of the output")

    def size(self, field: str) -> int:
        """Read a number of elements, at least 1."""
        return self.reader.shape(1, field)[0]

    def image(self, field: str) -> tuple[int, int, int, int]:
        """Read a shape, and return it as [1, C, H, W]."""
        width, height, channels = self.reader.shape(3, field)
        return 1, channels, height, width

    def pair(self, field: str) -> tuple[int, int]:
        """Read a width and a height, and return height and width."""
        width, height = self.reader.u32(field), self.reader.u32(field)
        return height, width

    def activation(self) -> Activation:
        """Read the number of an activation."""
        at, value = self.reader.position, self.reader.u32("activation")
        if value >= len(ACTIVATIONS):
            self.reader.fail("activation", value, "0 to 2", at)
        return ACTIVATIONS[value]

    def elementwise(self, source: DType, result: DType) -> tuple[Buffer, Buffer]:
        """Read addresses and a number of elements; return an input and an output alike."""
        address, out = self.ends()
        into = self.known(address, source, self.size("number of elements"))
        return into, self.tensor(out, result, into.shape)
