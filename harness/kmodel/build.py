"""What the readers of the three versions build programs with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import prod

from harness.errors import KModelError
from harness.kmodel.memory import (
    KPU_BYTES,
    MAIN_BYTES,
    Buffer,
    DType,
    Memory,
    Pool,
    dense,
)
from harness.kmodel.operations.base import Operation
from harness.kmodel.program import Port

# A v5 file may call one function many times: this bounds what a small file can ask for. The
# largest model seen, a YOLOX with all of it on the CPU, has 567.
MAX_OPERATIONS = 2_000


@dataclass
class OperationList:
    """Operations in running order, each with its name."""

    done: list[Operation] = field(default_factory=list)

    def add(self, operation: Operation) -> Operation:
        """Append an operation and return it with its name.

        Raises:
            KModelError: There are more operations than any model that a K210 can run.
        """
        if len(self.done) == MAX_OPERATIONS:
            raise KModelError(
                operation.offset,
                "operation",
                f"number {MAX_OPERATIONS + 1}",
                f"at most {MAX_OPERATIONS} operations",
            )
        named = replace(operation, name=f"{len(self.done):02d}_{operation.kind()}")
        self.done.append(named)
        return named


@dataclass
class KnownShapes:
    """Shapes of what was last written at a place, for formats that store sizes only."""

    _shapes: dict[tuple[str, int], tuple[int, ...]] = field(default_factory=dict)

    def write(self, buffers: Iterable[Buffer]) -> None:
        """Remember the shapes of an operation's outputs."""
        for buffer in buffers:
            self._shapes[buffer.pool.name, buffer.offset] = buffer.shape

    def read(self, pool: Pool, offset: int, elements: int) -> tuple[int, ...]:
        """Return the shape of `elements` elements: what was written there, or one axis."""
        shape = self._shapes.get((pool.name, offset), ())
        return shape if shape and prod(shape) == elements else (elements,)


def checked_pool(name: str, memory: Memory, size: int, offset: int) -> Pool:
    """Return a pool that fits a K210.

    Args:
        name: Name of the pool.
        memory: Its kind.
        size: Bytes.
        offset: Where the file declares it.

    Raises:
        KModelError: It is larger than the memory of a K210.
    """
    limit, unit = (KPU_BYTES, "KPU") if memory is Memory.KPU else (MAIN_BYTES, "main")
    if size > limit:
        raise KModelError(
            offset,
            f"size of memory pool {name!r}",
            f"{size} bytes",
            f"at most the {limit} bytes of {unit} memory that a K210 has",
            "compile the model with a smaller input",
        )
    return Pool(name, memory, size)


def checked_total(pools: Iterable[Pool], offset: int) -> None:
    """Check all pools in main memory together against a K210.

    Raises:
        KModelError: They do not fit.
    """
    held = (Memory.MAIN, Memory.INPUT, Memory.OUTPUT)
    checked_pool(
        "main, input and output together",
        Memory.MAIN,
        sum(pool.size for pool in pools if pool.memory in held),
        offset,
    )


def file_pool(size: int) -> Pool:
    """Return the pool of constants: the file itself."""
    return Pool("file", Memory.CONSTANT, size)


def inside(buffer: Buffer, what: str, offset: int) -> Buffer:
    """Return a buffer that lies inside its pool.

    Args:
        buffer: What to check.
        what: What it is, for the error.
        offset: Where the file says so.

    Raises:
        KModelError: It begins or ends outside.
    """
    if buffer.offset < 0 or buffer.end > buffer.pool.size:
        raise KModelError(
            offset,
            f"place of {what}",
            f"{buffer.offset} to {buffer.end} in pool {buffer.pool.name!r}",
            f"a place inside its {buffer.pool.size} bytes",
        )
    return buffer


def constant(
    file: Pool,
    offset: int,
    dtype: DType,
    shape: tuple[int, ...],
    what: str = "constant",
    at: int | None = None,
) -> Buffer:
    """Return a buffer of values that stand in the file.

    Args:
        file: Pool of the file's bytes.
        offset: Where they begin.
        dtype: Element type.
        shape: Their shape.
        what: What they are, for the error.
        at: Where the file says so; None for the place of the values itself.

    Raises:
        KModelError: They would reach past its end.
    """
    return inside(dense(file, offset, dtype, shape), what, offset if at is None else at)


def ports(kind: str, buffers: Iterable[Buffer]) -> tuple[Port, ...]:
    """Return numbered inputs or outputs."""
    return tuple(Port(f"{kind}_{index}", buffer) for index, buffer in enumerate(buffers))
