"""Places in main memory for the tensors of a draft: as few bytes as a greedy search finds.

A tensor lives from the operation that writes it to the last one that reads it. Two further
economies: a function of one element at a time writes over its input where nobody else reads that,
and what is only concatenated is written into its place at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.kmodel.memory import Buffer, Memory, Pool
from harness.kmodel.operations import Binary, Concat, MatMul, Operation, Unary, UnaryProgram

ALIGNMENT = 8


@dataclass(frozen=True)
class Span:
    """A pool that is a part of another.

    Attributes:
        pool: Name of the pool that it is a part of.
        offset: Where it begins there, in bytes.
    """

    pool: str
    offset: int


@dataclass
class Slot:
    """A range of main memory while it is in use.

    Attributes:
        size: Bytes.
        first: Index of the first operation that writes it; -1 for inputs.
        last: Index of the last operation that reads it.
        offset: Its place.
    """

    size: int
    first: int
    last: int
    offset: int = 0


@dataclass
class Arrangement:
    """Finds places for the tensors of some operations.

    Attributes:
        operations: In running order.
        inputs: Tensors that are there from the start.
        outputs: Tensors that are wanted at the end.
        parts: By pool, the place inside another pool that it is.
        whole: Pools that one operation has to write: v3 tells an output's type by its writer.
    """

    operations: list[Operation]
    inputs: Sequence[Buffer]
    outputs: Sequence[Buffer]
    parts: dict[str, Span] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()

    def places(self) -> tuple[list[Operation], dict[str, int], int]:
        """Return the operations that are left, the place of each pool, and the bytes in all."""
        self._drop()
        self._join()
        self._overwrite()
        slots = self._slots()
        total = _pack({id(slot): slot for slot in slots.values()}.values())
        places = {name: slot.offset for name, slot in slots.items()}
        for name in self.parts:
            root, offset = self._root(name)
            if root in slots:  # else nobody reads it any more
                places[name] = slots[root].offset + offset
        return self.operations, places, total

    def _drop(self) -> None:
        """Leave out what nobody reads."""
        wanted = {self._root(b.pool.name)[0] for b in self.outputs}
        kept: list[Operation] = []
        for operation in reversed(self.operations):
            if any(b.memory is Memory.KPU or b.pool.name in wanted for b in operation.outputs):
                wanted.update(self._root(b.pool.name)[0] for b in operation.inputs)
                kept.append(operation)
        self.operations = kept[::-1]

    def _root(self, name: str) -> tuple[str, int]:
        offset = 0
        while name in self.parts:
            span = self.parts[name]
            name, offset = span.pool, offset + span.offset
        return name, offset

    def _join(self) -> None:
        """Leave out concatenations whose inputs can be written into their places."""
        fixed = {b.pool.name for b in self.inputs}
        kept: list[Operation] = []
        for operation in self.operations:
            if isinstance(operation, Concat) and self._joins(operation, fixed):
                continue
            kept.append(operation)
        self.operations = kept

    def _joins(self, operation: Concat, fixed: set[str]) -> bool:
        starts = [sum(operation.pieces[:n]) for n in range(len(operation.pieces))]
        pools = [b.pool for b in operation.inputs]
        whole = all(
            b.memory is Memory.MAIN and b.offset == 0 and b.pool.size == size
            for b, size in zip(operation.inputs, operation.pieces, strict=True)
        )
        free = not any(pool.name in fixed or pool.name in self.parts for pool in pools)
        distinct = len({pool.name for pool in pools}) == len(pools)
        aligned = not any(start % ALIGNMENT for start in starts)
        if operation.output.pool.name in self.whole:
            return False
        if operation.outer != 1 or not (whole and free and distinct and aligned):
            return False
        for pool, start in zip(pools, starts, strict=True):
            self.parts[pool.name] = Span(operation.output.pool.name, start)
        return True

    def _slots(self) -> dict[str, Slot]:
        slots: dict[str, Slot] = {}

        def use(buffer: Buffer, at: int) -> None:
            if buffer.memory is not Memory.MAIN:
                return
            name, offset = self._root(buffer.pool.name)
            slot = slots.setdefault(name, Slot(0, at, at))
            slot.first, slot.last = min(slot.first, at), max(slot.last, at)
            slot.size = max(slot.size, offset + buffer.pool.size)

        for buffer in self.inputs:
            use(buffer, -1)
        for index, operation in enumerate(self.operations):
            for buffer in (*operation.inputs, *operation.outputs):
                use(buffer, index)
        for buffer in self.outputs:
            use(buffer, len(self.operations))
        return slots

    def _overwrite(self) -> None:
        """Let functions of one element at a time write over an input that they read last."""
        last = {name: slot.last for name, slot in self._slots().items()}
        for index, operation in enumerate(self.operations):
            if not _elementwise(operation):
                continue
            out = operation.output.pool
            for buffer in operation.inputs:
                name = buffer.pool.name
                own = buffer.memory is Memory.MAIN and name not in self.parts
                same = own and buffer.offset == 0 and buffer.pool.size == out.size
                if same and buffer.elements == operation.output.elements and last[name] == index:
                    self.parts[name] = Span(out.name, 0)
                    break


def _elementwise(operation: Operation) -> bool:
    """Return whether each element is read for the last time when its result is written."""
    if isinstance(operation, MatMul):
        return operation.inputs[1].shape == (1, 1)
    return isinstance(operation, Binary | Unary | UnaryProgram)


def _pack(slots: Iterable[Slot]) -> int:
    """Give every slot an offset, the largest first, and return the bytes in all."""
    placed: list[Slot] = []
    for slot in sorted(slots, key=lambda s: (-s.size, s.first)):
        slot.offset = 0
        rivals = [s for s in placed if s.first <= slot.last and slot.first <= s.last]
        for rival in sorted(rivals, key=lambda s: s.offset):
            if slot.offset + slot.size > rival.offset:
                slot.offset = max(slot.offset, _aligned(rival.offset + rival.size))
        placed.append(slot)
    return max((_aligned(slot.offset + slot.size) for slot in placed), default=0)


def _aligned(size: int) -> int:
    return size + -size % ALIGNMENT


def moved_to(operation: Operation, places: Mapping[str, int], main: Pool, file: Pool) -> Operation:
    """Return an operation whose buffers lie in the pools of the finished program."""
    inputs = tuple(settled(buffer, places, main, file) for buffer in operation.inputs)
    outputs = tuple(settled(buffer, places, main, file) for buffer in operation.outputs)
    return replace(operation, inputs=inputs, outputs=outputs)


def settled(buffer: Buffer, places: Mapping[str, int], main: Pool, file: Pool) -> Buffer:
    """Return a buffer in the pools of the finished program."""
    if buffer.memory is Memory.CONSTANT:
        return replace(buffer, pool=file)
    if buffer.memory is Memory.KPU:
        return buffer
    return replace(buffer, pool=main, offset=places[buffer.pool.name] + buffer.offset)
