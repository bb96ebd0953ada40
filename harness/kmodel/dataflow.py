"""Who wrote the bytes that an operation reads: the program as values instead of places.

Files reuse memory over time and let buffers overlap on purpose. Here the writes are played
through once, byte by byte, so that every input of every operation is known to be an earlier
result, several of them side by side (a concatenation in place), or nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.kmodel.layout import ROW_BYTES, kpu_bytes, row_layout
from harness.kmodel.memory import Buffer, Layout, Memory, Pool
from harness.kmodel.program import Program

Integers = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes of an input that come from one place.

    Attributes:
        producer: Name of the operation or of the model's input that wrote them; "file" for
            constants; None for bytes that nobody wrote.
        output: Which of the producer's outputs.
        start: First of the bytes, from the start of the pool.
        stop: Past the last of them; others may lie between.
        exact: Whether the input's elements are those of the producer's output in the same order;
            the shape may be another.
    """

    producer: str | None
    output: int
    start: int
    stop: int
    exact: bool


Sources = dict[str, tuple[tuple[Source, ...], ...]]


def producers(program: Program) -> Sources:
    """Return, for each operation by name, the sources of each of its inputs in order of place.

    The model's outputs are there too, under the names of their ports, with one input each.
    """
    writes = _Writes()
    for port in program.inputs:
        writes.write(port.buffer, port.name, 0)
    found: Sources = {}
    for operation in program.operations:
        found[operation.name] = tuple(writes.sources(buffer) for buffer in operation.inputs)
        for index, buffer in enumerate(operation.outputs):
            writes.write(buffer, operation.name, index)
    for port in program.outputs:
        found[port.name] = (writes.sources(port.buffer),)
    return found


@dataclass
class _Writes:
    """The last writer of every byte of every pool."""

    writers: list[tuple[str, int, Buffer]] = field(default_factory=list)
    owners: dict[str, Integers] = field(default_factory=dict)

    def write(self, buffer: Buffer, producer: str, output: int) -> None:
        self.writers.append((producer, output, buffer))
        for view in byte_views(buffer, self._owners(buffer.pool)):
            view[...] = len(self.writers)

    def sources(self, buffer: Buffer) -> tuple[Source, ...]:
        if buffer.memory is Memory.CONSTANT:
            return (Source("file", 0, buffer.offset, buffer.end, True),)
        read = [view.ravel() for view in byte_views(buffer, self._owners(buffer.pool))]
        first = read[0][0]
        if all((part == first).all() for part in read):
            return (self._source(int(first), buffer, buffer.offset, buffer.end),)
        places = np.arange(buffer.pool.size, dtype=np.int32)
        where = np.concatenate([view.ravel() for view in byte_views(buffer, places)])
        owners = np.concatenate(read)
        parts = [(int(one), where[owners == one]) for one in np.unique(owners)]
        found = [self._source(one, buffer, int(at.min()), int(at.max()) + 1) for one, at in parts]
        return tuple(sorted(found, key=lambda source: source.start))

    def _owners(self, pool: Pool) -> Integers:
        return self.owners.setdefault(pool.name, np.zeros(pool.size, np.int32))

    def _source(self, owner: int, buffer: Buffer, start: int, stop: int) -> Source:
        if owner == 0:
            return Source(None, 0, start, stop, False)
        producer, output, written = self.writers[owner - 1]
        return Source(producer, output, start, stop, _same_elements(written, buffer))


def _same_elements(a: Buffer, b: Buffer) -> bool:
    if a == b:
        return True
    dense = a.contiguous and b.contiguous
    return dense and (a.offset, a.dtype, a.elements) == (b.offset, b.dtype, b.elements)


def byte_views(buffer: Buffer, pool: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """Yield views of exactly the bytes of a buffer's elements.

    Args:
        buffer: What to look at.
        pool: [pool size], one entry a byte of the buffer's pool.

    Yields:
        One view for strided buffers: [*shape, bytes an element]. For feature maps in KPU memory
        one view a batch and place in a row: [channels, height, width].
    """
    step = pool.itemsize
    rest = pool[buffer.offset :]
    if buffer.layout is Layout.STRIDED:
        item = buffer.dtype.itemsize
        strides = (*(n * item * step for n in buffer.strides), step)
        yield np.lib.stride_tricks.as_strided(rest, (*buffer.shape, item), strides)
        return
    batches, channels, height, width = buffer.shape
    layout = row_layout(width)
    line = layout.row_len * ROW_BYTES * step
    for batch in range(batches):
        image = rest[batch * kpu_bytes(width, height, channels) :]
        for place in range(min(layout.groups, channels)):
            blocks = -(-(channels - place) // layout.groups)
            first = image[place * layout.pitch :]
            shape, strides = (blocks, height, width), (line * height, line, step)
            yield np.lib.stride_tricks.as_strided(first, shape, strides)
