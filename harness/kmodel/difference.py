"""What differs between two programs, whatever the versions of their files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

import numpy as np

from harness.kmodel.memory import Buffer, Memory
from harness.kmodel.operations import KpuConv2d, Operation
from harness.kmodel.program import Port, Program
from harness.kmodel.registers import LayerRegisters
from harness.kmodel.tables import ActivationTable, BatchNorm

# Where tables stand in the file says nothing about what the layer does.
_PLACES = frozenset(
    {"batch_norm_address", "weights_address", "activation_address", "interrupt", "reserved"}
)
_COMMON = frozenset({"name", "offset", "inputs", "outputs", "weights_offset"})


@dataclass(frozen=True)
class Difference:
    """One thing that differs.

    Attributes:
        where: Operation in the first file, or `program`.
        what: Field, such as `registers.arg_x`.
        a: Value in the first file; empty where it has nothing.
        b: Value in the second file.
    """

    where: str
    what: str
    a: str
    b: str


def differences(a: Program, b: Program) -> tuple[Difference, ...]:
    """Return what differs, in running order; nothing if the programs do the same."""
    return (*_programs(a, b), *_operations(a, b))


def _programs(a: Program, b: Program) -> Iterator[Difference]:
    for what in ("version", "group"):
        yield from _values("program", what, getattr(a, what), getattr(b, what))
    for what in ("inputs", "outputs"):
        yield from _values("program", what, _ports(getattr(a, what)), _ports(getattr(b, what)))
    for what, memory in (("main memory", Memory.MAIN), ("file", Memory.CONSTANT)):
        sizes = (f"{program.pool_bytes(memory)} bytes" for program in (a, b))
        yield from _values("program", what, *sizes)


def _ports(ports: tuple[Port, ...]) -> str:
    return ", ".join(f"{p.buffer.dtype.value} {p.buffer.shape}" for p in ports)


def _operations(a: Program, b: Program) -> Iterator[Difference]:
    keys = [[_key(operation) for operation in program.operations] for program in (a, b)]
    matcher = SequenceMatcher(None, keys[0], keys[1], autojunk=False)
    for tag, start, stop, other, end in matcher.get_opcodes():
        if tag == "equal":
            for one, two in zip(a.operations[start:stop], b.operations[other:end], strict=True):
                yield from _pair(a, b, one, two)
            continue
        for operation in a.operations[start:stop]:
            yield Difference(operation.name, "operation", _text(operation), "")
        for operation in b.operations[other:end]:
            yield Difference(operation.name, "operation", "", _text(operation))


def _key(operation: Operation) -> tuple[object, ...]:
    if isinstance(operation, KpuConv2d):  # whose copy in main memory is a second output
        return operation.kind(), operation.output.shape, operation.weights.shape
    return operation.kind(), *(b.shape for b in operation.outputs)


def _text(operation: Operation) -> str:
    shapes = " + ".join("x".join(map(str, b.shape)) for b in operation.outputs)
    return f"{operation.kind()} → {shapes}"


def _pair(a: Program, b: Program, one: Operation, two: Operation) -> Iterator[Difference]:
    # Classes of one kind differ in arithmetic, so that equal fields do not give equal results.
    yield from _values(one.name, "arithmetic", type(one).__name__, type(two).__name__)
    own, other = (tuple(field.name for field in fields(operation)) for operation in (one, two))
    for name in dict.fromkeys(own + other):
        if name in own and name in other and name not in _COMMON:
            yield from _field(one.name, name, getattr(one, name), getattr(two, name))
        elif name not in _COMMON:
            values = (getattr(operation, name, "") for operation in (one, two))
            yield from _values(one.name, name, *values)
    ends = ("input", one.inputs, two.inputs), ("output", one.outputs, two.outputs)
    for what, ours, theirs in ends:
        for index, buffers in enumerate(zip_longest(ours, theirs)):
            yield from _buffers(a, b, one.name, f"{what} {index}", *buffers)


def _field(where: str, what: str, one: Any, two: Any) -> Iterator[Difference]:  # noqa: ANN401
    if isinstance(one, LayerRegisters):
        for field in fields(one):
            if field.name not in _PLACES:
                values = getattr(one, field.name), getattr(two, field.name)
                yield from _values(where, f"registers.{field.name}", *values)
    elif isinstance(one, BatchNorm):
        for part in ("multiplier", "addend", "shift"):
            yield from _arrays(where, f"{what}.{part}", getattr(one, part), getattr(two, part))
    elif isinstance(one, ActivationTable):
        for part in ("start", "multiplier", "shift", "bias"):
            yield from _arrays(where, f"{what}.{part}", getattr(one, part), getattr(two, part))
    elif isinstance(one, np.ndarray):
        yield from _arrays(where, what, one, two)
    else:
        yield from _values(where, what, one, two)


def _buffers(
    a: Program, b: Program, where: str, what: str, one: Buffer | None, two: Buffer | None
) -> Iterator[Difference]:
    if one and two and Memory.CONSTANT is one.memory is two.memory:
        yield from _arrays(where, what, a.constant(one), b.constant(two))
        return
    yield from _values(where, what, *(_place(x) if x else "" for x in (one, two)))


def _place(buffer: Buffer) -> str:
    steps = "" if buffer.contiguous or not buffer.strides else f" strides {buffer.strides}"
    shape = "x".join(map(str, buffer.shape))
    return f"{buffer.dtype.value} {shape} at {buffer.pool.name}+{buffer.offset}{steps}"


def _values(where: str, what: str, one: object, two: object) -> Iterator[Difference]:
    # NaN differs from itself; as text it does not.
    if one != two and str(one) != str(two):
        yield Difference(where, what, str(one), str(two))


def _arrays(where: str, what: str, one: Any, two: Any) -> Iterator[Difference]:  # noqa: ANN401
    if one.shape != two.shape or one.dtype != two.dtype:
        texts = (f"{array.dtype} {array.shape}" for array in (one, two))
        yield Difference(where, what, *texts)
        return
    unequal = one.tobytes() != two.tobytes() and int((one != two).sum())
    if unequal:
        with np.errstate(invalid="ignore"):
            gap = np.abs(one.astype(np.float64) - two.astype(np.float64)).max()
        changed = f"{unequal} of {one.size} values differ, at most by {gap:g}"
        yield Difference(where, what, _span(one), f"{_span(two)}; {changed}")


def _span(array: Any) -> str:  # noqa: ANN401
    return f"{array.min():g} … {array.max():g}"
