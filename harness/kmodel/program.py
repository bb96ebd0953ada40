"""A kmodel in memory, whatever the version of the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from harness.kmodel.memory import Buffer, Memory, Pool
from harness.kmodel.operations.base import Operation

Version = Literal[3, 4, 5]


@dataclass(frozen=True)
class Port:
    """One input or output of a program; files store no names.

    Attributes:
        name: `input_0`, `output_0`, ….
        buffer: Where the caller puts it, or finds it.
    """

    name: str
    buffer: Buffer


@dataclass(frozen=True, eq=False)
class Program:
    """A list of typed operations over typed buffers.

    Attributes:
        version: File version. CPU kernels of the three generations of runtimes add floats in
            different orders; whoever computes to the bit asks for it.
        group: The nncase releases whose runtime reads the file: `0.1`, `0.2`, or one of the
            groups of `harness.kmodel.v5.releases`.
        candidates: All groups under which a v5 file decodes; `group` is the newest of them.
        inputs: In file order.
        outputs: In file order.
        operations: In running order.
        pools: Every range of memory that buffers lie in.
        data: uint8 [file size], the file.
        consumed: Bytes of the file that belong to the model; what follows is not read.
    """

    version: Version
    group: str
    candidates: tuple[str, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    operations: tuple[Operation, ...]
    pools: tuple[Pool, ...]
    data: npt.NDArray[np.uint8]
    consumed: int

    def constant(self, buffer: Buffer) -> npt.NDArray[Any]:
        """Return a view of a buffer that stands in the file, with its shape and strides."""
        dtype = buffer.dtype.numpy
        raw = self.data[buffer.offset : buffer.end].view(dtype)
        steps = tuple(step * dtype.itemsize for step in buffer.strides)
        return np.lib.stride_tricks.as_strided(raw, buffer.shape, steps, writeable=False)

    def pool_bytes(self, memory: Memory) -> int:
        """Return the size of all pools of a kind together."""
        return sum(pool.size for pool in self.pools if pool.memory is memory)

    def operation(self, name: str) -> Operation:
        """Return an operation by name.

        Raises:
            KeyError: There is none of that name.
        """
        for operation in self.operations:
            if operation.name == name:
                return operation
        raise KeyError(name)

    def until(self, layer: str, as_float: bool = False) -> Program:
        """Return the program cut behind an operation, whose result is its only output.

        See `harness.kmodel.truncation.until`.
        """
        # The module there needs this one.
        from harness.kmodel.truncation import until

        return until(self, layer, as_float)
