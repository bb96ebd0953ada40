"""Where each operation finds its inputs: earlier results, not places in memory.

Programs reuse memory and let buffers overlap. `harness.kmodel.dataflow` says who wrote what; here
that becomes a way to get each input, worked out once: a whole result, several results side by
side, or, where layouts differ, bytes gathered from several results.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from harness.kmodel.dataflow import Source, byte_views
from harness.kmodel.layout import row_layout
from harness.kmodel.memory import Buffer, Layout
from harness.kmodel.operations import Operation
from harness.kmodel.program import Program
from harness.simulator.dtypes import TORCH

Key = tuple[str, int]
Values = Mapping[Key, Tensor]


class Read(nn.Module):
    """A way to get one input.

    Attributes:
        keys: The results that it needs.
        shape: Shape of the input in the program.
    """

    keys: tuple[Key, ...]

    def __init__(self, buffer: Buffer, keys: tuple[Key, ...]) -> None:
        super().__init__()
        self.shape, self.keys = buffer.shape, keys
        self.dtype = TORCH[buffer.dtype]

    def forward(self, values: Values) -> Tensor:
        """Return the input [batch, *shape]."""
        raise NotImplementedError

    def batch(self, values: Values) -> list[Tensor]:
        """Return the needed results, all with the same batch, flat behind it."""
        found = [values[key] for key in self.keys]
        batch = max((value.shape[0] for value in found), default=1)
        return [value.expand(batch, *value.shape[1:]).reshape(batch, -1) for value in found]


class Whole(Read):
    """The elements of one result, perhaps in another shape."""

    def __init__(self, buffer: Buffer, key: Key, written: Buffer) -> None:
        super().__init__(buffer, (key,))
        self.as_written = buffer.shape == written.shape

    def forward(self, values: Values) -> Tensor:
        """See `Read`."""
        value = values[self.keys[0]]
        if self.as_written:
            return value
        return value.reshape(value.shape[0], *self.shape)


class Joined(Read):
    """Results that lie one behind the other."""

    def forward(self, values: Values) -> Tensor:
        """See `Read`."""
        parts = self.batch(values)
        return torch.cat(parts, 1).reshape(parts[0].shape[0], *self.shape)


class Constant(Read):
    """Values that stand in the file."""

    value: Tensor

    def __init__(self, program: Program, buffer: Buffer) -> None:
        super().__init__(buffer, ())
        array = np.ascontiguousarray(program.constant(buffer))
        self.register_buffer("value", torch.tensor(array).view(self.dtype)[None], False)

    def forward(self, _values: Values) -> Tensor:
        """See `Read`."""
        return self.value


class Gathered(Read):
    """Bytes of several results; what nobody wrote is 0."""

    read: Tensor

    def __init__(self, buffer: Buffer, writes: list[tuple[Key, Buffer]]) -> None:
        super().__init__(buffer, tuple(key for key, _ in writes))
        self.size = buffer.pool.size
        self.register_buffer("read", torch.from_numpy(places(buffer)), False)
        self.written = [f"write{index}" for index in range(len(writes))]
        for name, (_, written) in zip(self.written, writes, strict=True):
            self.register_buffer(name, torch.from_numpy(places(written)), False)

    def forward(self, values: Values) -> Tensor:
        """See `Read`."""
        parts = self.batch(values)
        batch = parts[0].shape[0] if parts else 1
        memory = torch.zeros((batch, self.size), dtype=torch.uint8, device=self.read.device)
        for name, part in zip(self.written, parts, strict=True):
            memory[:, self.get_buffer(name)] = part.contiguous().view(torch.uint8)
        return memory[:, self.read].view(self.dtype).reshape(batch, *self.shape)


def places(buffer: Buffer) -> np.ndarray:
    """Return int64 [bytes], where each byte of the elements lies in the pool, in C order."""
    pool = np.arange(buffer.pool.size, dtype=np.int64)
    if buffer.layout is Layout.STRIDED:
        return next(byte_views(buffer, pool)).reshape(-1)
    found = np.empty(buffer.shape, np.int64)
    views = byte_views(buffer, pool)
    groups = row_layout(buffer.shape[3]).groups
    for image in found:
        for place in range(min(groups, len(image))):
            image[place::groups] = next(views)
    return found.reshape(-1)


@dataclass(frozen=True)
class Reader:
    """Makes the reads of one program."""

    program: Program
    written: Mapping[Key, Buffer]
    order: Mapping[str, int]

    @classmethod
    def of(cls, program: Program) -> Reader:
        """Collect who writes which buffer, and when."""
        written: dict[Key, Buffer] = {(port.name, 0): port.buffer for port in program.inputs}
        order = {
            port.name: index - len(program.inputs) for index, port in enumerate(program.inputs)
        }
        for index, operation in enumerate(program.operations):
            order[operation.name] = index
            written.update(_outputs(operation))
        return cls(program, written, order)

    def read(self, buffer: Buffer, sources: tuple[Source, ...]) -> Read:
        """Return the way to get a buffer whose bytes come from `sources`."""
        if [source.producer for source in sources] == ["file"]:
            return Constant(self.program, buffer)
        keys = [(source.producer, source.output) for source in sources if source.producer]
        if len(sources) == 1 and sources[0].exact and keys:
            return Whole(buffer, keys[0], self.written[keys[0]])
        if len(keys) == len(sources) and self._tile(buffer, sources, keys):
            return Joined(buffer, tuple(keys))
        keys.sort(key=lambda key: (self.order[key[0]], key[1]))
        return Gathered(buffer, [(key, self.written[key]) for key in keys])

    def _tile(self, buffer: Buffer, sources: tuple[Source, ...], keys: list[Key]) -> bool:
        """Return whether whole results without gaps fill the buffer, one behind the other."""
        if not buffer.contiguous:
            return False
        at = buffer.offset
        for source, key in zip(sources, keys, strict=True):
            part = self.written[key]
            same = part.contiguous and part.dtype is buffer.dtype
            if not same or (part.offset, part.end) != (at, source.stop):
                return False
            at = part.end
        return at == buffer.end


def _outputs(operation: Operation) -> dict[Key, Buffer]:
    return {(operation.name, index): buffer for index, buffer in enumerate(operation.outputs)}
