"""Tensor instructions: an operation's fields become pushes, registers and operands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from harness.errors import ConversionError
from harness.kmodel.memory import Buffer, DType
from harness.kmodel.operations import Operation, Padding, UnaryOp
from harness.kmodel.v5.stacks import STACKS
from harness.kmodel.v5.writer.bytecode import Code, Operand, written_strides
from harness.kmodel.v5.writer.forms import Form, form_of
from harness.kmodel.v5.writer.parts import dtype_number

# The types of which the stack machine takes a single value: n 1.9 `pop_scalar`.
_INTEGERS = (DType.I8, DType.I16, DType.I32, DType.U8, DType.U16, DType.U32)
_FLOATS = (DType.F32, DType.BF16)
# Values that have the tensor's element type; all other numbers are floats or sizes.
_SCALARS = ("value", "minimum", "maximum")
# Operands that are half of a pair without saying so.
_HALVES = {"low": "clamp_low", "high": "clamp_high"}

Address = Callable[[Buffer], tuple[int, int]]


@dataclass
class TensorWriter:
    """Writes one operation.

    Attributes:
        code: Where to.
        operation: What.
        form: How.
        address: Returns the place of a buffer as location and offset.
    """

    code: Code
    operation: Operation
    form: Form
    address: Address

    def __post_init__(self) -> None:
        self.tensors = self.form.tensors(self.operation)
        self.registers = 0

    def write(self) -> None:
        """Append the instruction and what it takes."""
        layout = self.code.release.layout(self.form.name)
        late = self.form.late.split()
        for name in STACKS[self.form.name].split():
            if name not in late:
                self._push(name)
        operands = [self._operand(name) for name in (layout.names if layout else ())]
        for name in late:
            self._push(name)
        self.code.tensor(self.form.name, operands)

    def _push(self, name: str) -> None:
        if name in self.tensors:
            self.code.address(*self.address(self.tensors[name]))
            return
        value = self._value(name)
        if isinstance(value, Padding):
            self.code.padding(value)
        elif name in _SCALARS:
            self._scalar(value)
        elif isinstance(value, int):
            self.code.integer(value)
        else:
            self.code.real(value)

    def _scalar(self, value: float) -> None:
        dtype = self.tensors[self.form.typed].dtype
        if dtype in _FLOATS:
            self.code.real(value)
        elif dtype in _INTEGERS and float(value).is_integer():
            self.code.integer(int(value))
        else:
            raise ConversionError(f"{value} is no value of type {dtype.value}")

    def _operand(self, name: str) -> Operand:
        """Return an operand as it is stored; what lies in a register is put there."""
        if name == "dtype":
            return dtype_number(self.tensors[self.form.typed].dtype)
        if name == "out_dtype":
            return dtype_number(self.operation.output.dtype)
        tensor, _, what = name.rpartition("_")
        if tensor in self.tensors and what in ("shape", "strides"):
            buffer = self.tensors[tensor]
            steps = what == "strides" and written_strides(buffer, self.code.release)
            return self._register(steps or buffer.shape)
        value = self._value(name)
        if name in ("paddings", "crops"):
            self.code.paddings(0, value)
            return 0
        return self._stored(value)

    def _stored(self, value: Any) -> Operand:  # noqa: ANN401  any field of an operation
        if isinstance(value, UnaryOp):
            functions = self.code.release.unary
            if value not in functions:
                raise ConversionError(f"{self.code.release.releases} has no {value.value}")
            return functions.index(value)
        if isinstance(value, Enum):
            return tuple(type(value)).index(value)
        if isinstance(value, tuple):
            return self._register(value)
        number: Operand = value
        return number

    def _register(self, numbers: tuple[int, ...]) -> int:
        """Put numbers into the next shape register and return which it is."""
        self.code.shape(self.registers, numbers)
        self.registers += 1
        return self.registers - 1

    def _value(self, name: str) -> Any:  # noqa: ANN401  any field of an operation
        """Return what a name stands for: a field, or half of one that is a pair."""
        field, _, half = _HALVES.get(name, name).rpartition("_")
        try:
            if name in self.form.values:
                return self.form.values[name](self.operation)
            if hasattr(self.operation, name):
                return getattr(self.operation, name)
            return getattr(self.operation, field)[half in ("w", "high")]
        except IndexError:
            raise ConversionError(f"there are too few numbers for {name}") from None


def write_tensor(code: Code, operation: Operation, address: Address) -> None:
    """Append an operation of the CPU.

    Raises:
        ConversionError: The release has no instruction for it, or none for a value of it.
    """
    form = form_of(operation, code.release.functions)
    if form is None:
        raise ConversionError("there is no instruction for it")
    TensorWriter(code, operation, form, address).write()
