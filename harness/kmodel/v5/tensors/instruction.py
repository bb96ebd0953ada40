"""One tensor instruction: its operands, and the stack it takes values from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from harness.kmodel.memory import Buffer, DType, dense_strides
from harness.kmodel.operations.base import Clamp, Padding
from harness.kmodel.v5.machine import Address, Machine, Value

Choice = TypeVar("Choice")


@dataclass(frozen=True)
class Instruction:
    """A decoded instruction.

    Attributes:
        name: Name in `harness.kmodel.v5.releases`.
        operands: Values by name; an operand that a release lacks is missing.
        taken: What it took from the stack, by name.
        machine: Stack and registers.
    """

    name: str
    operands: Mapping[str, int | float | bool]
    taken: Mapping[str, Value | Padding]
    machine: Machine

    @property
    def at(self) -> int:
        """Where the instruction begins in the file."""
        return self.machine.at

    def number(self, name: str) -> int:
        """Return an operand that is an integer."""
        return int(self.operands[name])

    def size(self, name: str) -> int:
        """Return an integer that was on the stack."""
        value = self.taken[name]
        if not isinstance(value, int):
            self.machine.fail("value on the stack", value, "an integer")
        return value

    def scalar(self, name: str) -> float:
        """Return a number that was on the stack; integers become floats."""
        value = self.taken[name]
        if not isinstance(value, int | float):
            self.machine.fail("value on the stack", "an address", "a number")
        return float(value)

    def padding(self, name: str) -> Padding:
        """Return a padding that was on the stack."""
        value = self.taken[name]
        assert isinstance(value, Padding), name
        return value

    def real(self, name: str) -> float:
        """Return an operand that is a float."""
        return float(self.operands[name])

    def flag(self, name: str) -> bool:
        """Return an operand that is true or false."""
        return bool(self.operands[name])

    def choice(self, name: str, choices: tuple[Choice, ...]) -> Choice:
        """Return what an operand stands for."""
        value = self.number(name)
        if value >= len(choices):
            self.machine.fail(f"{name} of {self.name}", value, f"0 to {len(choices) - 1}")
        return choices[value]

    def dtype(self, name: str = "dtype") -> DType:
        """Return an operand that is an element type."""
        return self.machine.dtype(self.number(name))

    def clamp(self) -> Clamp:
        """Return the least and the greatest value of a result."""
        return self.real("low"), self.real("high")

    def shape(self, tensor: str) -> tuple[int, ...]:
        """Return the shape of a tensor whose operands begin with `tensor`."""
        return self.machine.sizes(self.number(f"{tensor}_shape"))

    def axis(self, rank: int, name: str = "axis") -> int:
        """Return an axis from 0; negative numbers count from the end."""
        return self.checked_axis(self.number(name), rank)

    def checked_axis(self, axis: int, rank: int) -> int:
        """Return an axis from 0."""
        if not -rank <= axis < rank:
            self.machine.fail(f"axis of {self.name}", axis, f"below {rank}")
        return axis % rank

    def axes(self, rank: int) -> tuple[int, ...]:
        """Return the axes in the shape register of the operand `axes`."""
        axes = self.machine.numbers(self.number("axes"))
        return tuple(sorted({self.checked_axis(axis, rank) for axis in axes}))

    def tensor(
        self,
        tensor: str,
        dtype: DType,
        shape: tuple[int, ...] | None = None,
    ) -> Buffer:
        """Return a tensor with its shape and strides.

        Args:
            tensor: Its name on the stack, with which the names of its operands begin.
            dtype: Element type.
            shape: Its shape, where no operand gives it.
        """
        address = self.taken[tensor]
        if not isinstance(address, Address):
            self.machine.fail("value on the stack", address, "an address")
        found = self.machine.checked(shape) if shape is not None else self.shape(tensor)
        return self.machine.buffer(address, dtype, found, self._strides(tensor, found))

    def _strides(self, tensor: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        register = self.operands.get(f"{tensor}_strides")
        return dense_strides(shape) if register is None else self.machine.numbers(int(register))
