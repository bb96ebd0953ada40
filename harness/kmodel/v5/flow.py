"""Whether operations read only what was written before: how wrong readings are told apart."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.kmodel.memory import Buffer, Memory
from harness.kmodel.operations.base import Operation


@dataclass
class _Written:
    """Ranges of bytes of one pool, merged where they touch, in order."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def add(self, start: int, end: int) -> None:
        first = bisect_left(self.ends, start)
        last = bisect_right(self.starts, end)
        if first < last:
            start, end = min(start, self.starts[first]), max(end, self.ends[last - 1])
        self.starts[first:last], self.ends[first:last] = [start], [end]

    def holds(self, byte: int) -> bool:
        index = bisect_right(self.starts, byte) - 1
        return index >= 0 and byte < self.ends[index]


def runs_in_order(
    operations: Iterable[Operation], inputs: Iterable[Buffer], outputs: Iterable[Buffer]
) -> bool:
    """Return whether each input of an operation was written before, and each output is."""
    pools: dict[str, _Written] = {}

    def write(buffer: Buffer) -> None:
        pools.setdefault(buffer.pool.name, _Written()).add(buffer.offset, buffer.end)

    def known(buffer: Buffer) -> bool:
        if buffer.memory is Memory.CONSTANT:
            return True
        return buffer.pool.name in pools and pools[buffer.pool.name].holds(buffer.offset)

    for buffer in inputs:
        write(buffer)
    for operation in operations:
        if not all(map(known, operation.inputs)):
            return False
        for buffer in operation.outputs:
            write(buffer)
    return all(map(known, outputs))
