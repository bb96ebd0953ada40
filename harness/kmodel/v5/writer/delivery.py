"""Outputs where version 5 wants them: each without gaps, in a place of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

from harness.kmodel.memory import Buffer, DType, Layout, Memory, Pool, dense
from harness.kmodel.operations import Copy, Dequantize, KpuDownload, Operation
from harness.kmodel.program import Port, Program
from harness.kmodel.v5.writer.parts import aligned

MAIN = "main"


def delivered(program: Program, as_float: bool = False) -> Program:
    """Return a program that ends by bringing its outputs into the memory of outputs.

    Where they lie there already, the program is returned as it is. In others, such as truncated
    ones, what was the memory of outputs becomes working memory, behind what is used of that.

    Args:
        program: Of version 5; outputs may lie anywhere.
        as_float: Bring bytes as float32 of the same value.
    """
    outputs = [_as_number(port.buffer) for port in program.outputs]
    floats = as_float and any(buffer.dtype is DType.U8 for buffer in outputs)
    if floats and any(buffer.layout is Layout.KPU_ROWS for buffer in outputs):
        program = _brought(program, as_float=False)
    return _brought(program, floats) if floats or not _in_place(program) else program


def _brought(program: Program, as_float: bool) -> Program:
    main, move = _working_memory(program)
    operations = [_moved(operation, move) for operation in program.operations]
    sources = [_as_number(move(port.buffer)) for port in program.outputs]
    places = _places(sources, as_float)
    for ends in zip(sources, places, strict=True):
        operations.append(_delivery(len(operations), *ends))
    others = [p for p in program.pools if p.memory is not Memory.OUTPUT and p.name != MAIN]
    own = [pool for pool in (main, *(place.pool for place in places[:1])) if pool.size]
    return replace(
        program,
        outputs=tuple(
            Port(port.name, place) for port, place in zip(program.outputs, places, strict=True)
        ),
        operations=tuple(operations),
        pools=(*others, *own),
    )


def _in_place(program: Program) -> bool:
    """Return whether the outputs can stay: side by side, and nothing else in their memory."""
    ports = [port.buffer for port in program.outputs]
    spans = sorted((port.offset, port.end) for port in ports)
    apart = all(one[1] <= two[0] for one, two in pairwise(spans))
    return (
        apart
        and all(port.memory is Memory.OUTPUT and port.contiguous for port in ports)
        and all(
            any(start <= buffer.offset and buffer.end <= stop for start, stop in spans)
            for buffer in _buffers(program)
            if buffer.memory is Memory.OUTPUT
        )
    )


def _buffers(program: Program) -> Iterator[Buffer]:
    for operation in program.operations:
        yield from operation.inputs
        yield from operation.outputs
    for port in program.outputs:
        yield port.buffer


def _working_memory(program: Program) -> tuple[Pool, Callable[[Buffer], Buffer]]:
    """Return working memory for what is used of it and of the outputs, and how to move there."""
    buffers = list(_buffers(program))
    start = aligned(max((b.end for b in buffers if b.pool.name == MAIN), default=0))
    size = max((b.end for b in buffers if b.memory is Memory.OUTPUT), default=0)
    main = Pool(MAIN, Memory.MAIN, start + size)

    def move(buffer: Buffer) -> Buffer:
        if buffer.memory is Memory.OUTPUT:
            return replace(buffer, pool=main, offset=start + buffer.offset)
        return replace(buffer, pool=main) if buffer.pool.name == MAIN else buffer

    return main, move


def _moved(operation: Operation, move: Callable[[Buffer], Buffer]) -> Operation:
    return replace(
        operation,
        inputs=tuple(map(move, operation.inputs)),
        outputs=tuple(map(move, operation.outputs)),
    )


def _as_number(buffer: Buffer) -> Buffer:
    """Return a buffer of bytes for one of truth values: files have no type for these."""
    return replace(buffer, dtype=DType.U8) if buffer.dtype is DType.BOOL else buffer


def _places(sources: list[Buffer], as_float: bool) -> list[Buffer]:
    """Return a place for each output, one behind the other."""
    dtypes = [DType.F32 if as_float and x.dtype is DType.U8 else x.dtype for x in sources]
    offsets, end = [], 0
    for source, dtype in zip(sources, dtypes, strict=True):
        offsets.append(aligned(end))
        end = offsets[-1] + source.elements * dtype.itemsize
    pool = Pool("output", Memory.OUTPUT, end)
    return [
        dense(pool, offset, dtype, source.shape)
        for offset, dtype, source in zip(offsets, dtypes, sources, strict=True)
    ]


def _delivery(index: int, source: Buffer, place: Buffer) -> Operation:
    ends: dict[str, Any] = {"offset": 0, "inputs": (source,), "outputs": (place,)}
    if source.dtype is not place.dtype:
        return Dequantize(name=_name(index, Dequantize), scale=1.0, bias=0.0, **ends)
    kind = KpuDownload if source.layout is Layout.KPU_ROWS else Copy
    return kind(name=_name(index, kind), **ends)


def _name(index: int, kind: type[Operation]) -> str:
    return f"{index:02d}_{kind.kind()}"
