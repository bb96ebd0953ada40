"""Bytes of a kmodel in the making, and what stops an operation from being written."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

import numpy.typing as npt

from harness.errors import ConversionError
from harness.kmodel.memory import FLASH_BYTES, Buffer, DType, Memory
from harness.kmodel.operations.base import Operation
from harness.kmodel.program import Program

Result = TypeVar("Result")


class Writer:
    """Appends little-endian values; the counterpart of `harness.kmodel.reader.Reader`."""

    def __init__(self) -> None:
        self.data = bytearray()

    @property
    def position(self) -> int:
        """Bytes written so far."""
        return len(self.data)

    def raw(self, data: bytes | bytearray) -> None:
        """Append bytes."""
        self.data += data

    def words(self, *values: int) -> None:
        """Append numbers of 32 bits, signed or unsigned.

        Raises:
            ConversionError: One has more bits.
        """
        for value in values:
            if not -(1 << 31) <= value < 1 << 32:
                raise ConversionError(f"{value} has more than 32 bits")
            self.data += (value & 0xFFFFFFFF).to_bytes(4, "little")

    def floats(self, *values: float) -> None:
        """Append floats of 32 bits.

        Raises:
            ConversionError: One is beyond their range.
        """
        try:
            self.data += struct.pack(f"<{len(values)}f", *values)
        except OverflowError:
            raise ConversionError(f"{values} are beyond the range of float32") from None

    def array(self, values: npt.NDArray[Any]) -> None:
        """Append the elements of an array, in C order."""
        little = values.astype(values.dtype.newbyteorder("<"), copy=False)
        self.data += little.tobytes()

    def align(self, step: int) -> int:
        """Append zeros up to a multiple of `step`, and return how many."""
        gap = -len(self.data) % step
        self.data += bytes(gap)
        return gap

    def replace(self, at: int, data: bytes) -> None:
        """Overwrite what was left free at `at`."""
        self.data[at : at + len(data)] = data


class Refusals:
    """What a format cannot express, operation by operation.

    Args:
        version: Version of the format.
    """

    def __init__(self, version: int) -> None:
        self.version = version
        self._found: dict[str, str] = {}

    def attempt(self, where: str, step: Callable[[], Result]) -> Result | None:
        """Run a step of writing an operation or a port; note its name if the step refuses."""
        try:
            return step()
        except ConversionError as error:
            self.add(where, error.cause)
            return None

    def add(self, where: str, reason: str) -> None:
        """Note a reason; only the first of an operation counts."""
        self._found.setdefault(where, reason)

    def raise_if_any(self) -> None:
        """End the writing if anything was refused.

        Raises:
            ConversionError: It names every operation in the way, with its reason.
        """
        if self._found:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in self._found.items())
            raise ConversionError(
                f"kmodel v{self.version} cannot express {len(self._found)} of the model's steps: "
                f"{reasons}",
                "change the network there, or keep the model in its version",
            )


def check_size(writer: Writer) -> None:
    """Stop a file that no board can hold while it is still small.

    Raises:
        ConversionError: There are more bytes than a board's flash has.
    """
    if writer.position > FLASH_BYTES:
        raise ConversionError(
            f"the file would have more than {FLASH_BYTES} bytes, a board's flash",
            "make the model smaller",
        )


def write_bodies(
    program: Program,
    out: Writer,
    write: Callable[[Operation], int],
    refusals: Refusals,
    alignment: int,
) -> None:
    """Append the headers of all operations, each {number, bytes of its body}, then the bodies.

    Args:
        program: What is written (v3 and v4).
        out: The file so far.
        write: Appends the body of an operation, and returns its number.
        refusals: Takes the operations that cannot be written.
        alignment: Of which the size of each body is a multiple.
    """
    headers = out.position
    out.raw(bytes(8 * len(program.operations)))
    for index, operation in enumerate(program.operations):
        start = out.position
        number = refusals.attempt(operation.name, partial(write, operation))
        out.align(alignment)
        check_size(out)
        header = Writer()
        header.words(number or 0, out.position - start)
        out.replace(headers + 8 * index, bytes(header.data))


def stored(program: Program, buffer: Buffer, dtype: DType) -> npt.NDArray[Any]:
    """Return values of an operation that have to stand in the program's data.

    Raises:
        ConversionError: They are computed, of another type, or outside of the data.
    """
    check_all(
        [
            (
                buffer.memory is Memory.CONSTANT,
                f"weights, bias or table lie in {buffer.pool.name!r}, not in the file",
            ),
            (
                buffer.dtype is dtype,
                f"weights, bias or table are {buffer.dtype.value}, not {dtype.value}",
            ),
        ]
    )
    check_inside(program, buffer)
    return program.constant(buffer)


def check_inside(program: Program, buffer: Buffer) -> None:
    """Check that a constant lies inside the program's data.

    Raises:
        ConversionError: It does not.
    """
    if buffer.offset < 0 or buffer.end > len(program.data):
        raise ConversionError(
            f"a constant at {buffer.offset} to {buffer.end} of {len(program.data)} bytes of data"
        )


def check_all(conditions: Iterable[tuple[bool, str]]) -> None:
    """Refuse an operation for the first condition that does not hold.

    Raises:
        ConversionError: Its text is that of the condition.
    """
    for holds, reason in conditions:
        if not holds:
            raise ConversionError(reason)
