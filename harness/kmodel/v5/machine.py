"""The stack machine's state, run on symbols: addresses stay addresses, nothing is computed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

from harness.errors import KModelError
from harness.kmodel.build import inside
from harness.kmodel.memory import Buffer, DType, Pool
from harness.kmodel.operations.base import Padding
from harness.kmodel.reader import MAX_RANK, Reader
from harness.kmodel.v5.model import DTYPES
from harness.kmodel.v5.releases import Release

MAX_STACK = 4096


@dataclass(frozen=True)
class Address:
    """A place in a pool, as the stack holds it."""

    pool: Pool
    offset: int


Value = int | float | Address


@dataclass
class Machine:
    """Stack and registers.

    Attributes:
        release: How instructions are read.
        reader: Stands in the code.
        at: Where the current instruction begins in the file.
    """

    release: Release
    reader: Reader
    at: int = 0
    _stack: list[Value] = field(default_factory=list)
    _shapes: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _paddings: dict[int, tuple[Padding, ...]] = field(default_factory=dict)

    def fail(self, field: str, value: object, expected: str) -> NoReturn:
        """Raise an error about the current instruction."""
        raise KModelError(self.at, field, value, expected)

    @property
    def depth(self) -> int:
        """Values on the stack."""
        return len(self._stack)

    def push(self, value: Value) -> None:
        """Put a value on the stack."""
        if len(self._stack) >= MAX_STACK:
            self.fail("stack", f"{MAX_STACK} values deep", "less")
        self._stack.append(value)

    def pop(self) -> Value:
        """Take the last value."""
        if not self._stack:
            self.fail("stack", "empty", "a value")
        return self._stack.pop()

    def pop_int(self) -> int:
        """Take an integer."""
        value = self.pop()
        if not isinstance(value, int):
            self.fail("value on the stack", value, "an integer")
        return value

    def pop_address(self) -> Address:
        """Take an address."""
        value = self.pop()
        if not isinstance(value, Address):
            self.fail("value on the stack", value, "an address")
        return value

    def pop_padding(self) -> Padding:
        """Take what is put before, after and (from 1.1 on) inside an axis."""
        words = [self.pop_int() for _ in range(self.release.padding_words)]
        return Padding(*reversed(words))

    def take(self, names: str) -> dict[str, Value | Padding]:
        """Take values by name, the last one first; names of paddings begin with `padding`."""
        return {
            name: self.pop_padding() if name.startswith("padding") else self.pop()
            for name in reversed(names.split())
        }

    def store_shape(self, register: int, rank: int) -> None:
        """Take `rank` numbers, the last one first, into a shape register."""
        sizes = [self.pop_int() for _ in range(rank)]
        self._shapes[register] = tuple(reversed(sizes))

    def store_paddings(self, register: int, rank: int) -> None:
        """Take `rank` paddings, the last axis first, into a padding register."""
        paddings = [self.pop_padding() for _ in range(rank)]
        self._paddings[register] = tuple(reversed(paddings))

    def numbers(self, register: int) -> tuple[int, ...]:
        """Return the numbers of a shape register."""
        if register not in self._shapes:
            self.fail("shape register", register, "one that was set")
        return self._shapes[register]

    def sizes(self, register: int) -> tuple[int, ...]:
        """Return the shape of a shape register, each size from 1 to 2^24."""
        return self.checked(self.numbers(register))

    def checked(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return a shape whose sizes are from 1 to 2^24."""
        if len(shape) > MAX_RANK or not all(0 < size < 1 << 24 for size in shape):
            self.fail("shape", shape, f"up to {MAX_RANK} sizes from 1 to 2^24")
        return shape

    def paddings(self, register: int, rank: int) -> tuple[Padding, ...]:
        """Return the paddings of a register, one an axis."""
        found = self._paddings.get(register)
        if found is None or len(found) != rank:
            self.fail("padding register", register, f"one with {rank} paddings")
        return found

    def dtype(self, number: int) -> DType:
        """Return the element type of a number."""
        if number >= len(DTYPES):
            self.fail("data type", number, f"0 to {len(DTYPES) - 1}")
        return DTYPES[number]

    def buffer(
        self, address: Address, dtype: DType, shape: tuple[int, ...], strides: tuple[int, ...]
    ) -> Buffer:
        """Return a tensor; strides of axes of size 1 are seen as 0."""
        if len(strides) != len(shape) or not all(0 <= step < 1 << 31 for step in strides):
            self.fail("strides", strides, f"{len(shape)} steps that are not negative")
        steps = tuple(0 if size == 1 else step for size, step in zip(shape, strides, strict=True))
        found = Buffer(address.pool, address.offset, dtype, shape, steps)
        return inside(found, "a tensor", self.at)
