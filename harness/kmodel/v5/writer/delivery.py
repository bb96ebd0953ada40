"""Outputs where version 5 wants them: each without gaps, in a place of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.kmodel.memory import Buffer, DType, Layout, Memory, Pool, dense
from harness.kmodel.operations import Copy, KpuDownload, Operation
from harness.kmodel.program import Port, Program
from harness.kmodel.v5.writer.parts import aligned

MAIN = "main"

Move = Callable[[Buffer], Buffer]


def delivered(program: Program) -> Program:
    """Return a program that ends by bringing its outputs into the memory of outputs.

    Where they lie there already, the program is returned as it is. In others, such as truncated
    ones, what was the memory of outputs becomes working memory.
    """
    if _in_place(program):
        return program
    old = {pool.memory: pool for pool in program.pools if pool.name != "file"}
    main = next((pool for pool in program.pools if pool.name == MAIN), Pool(MAIN, Memory.MAIN, 0))
    start = aligned(main.size)
    wider = replace(main, size=start + old[Memory.OUTPUT].size if Memory.OUTPUT in old else start)

    def move(buffer: Buffer) -> Buffer:
        if buffer.memory is Memory.OUTPUT:
            return replace(buffer, pool=wider, offset=start + buffer.offset)
        return replace(buffer, pool=wider) if buffer.pool.name == MAIN else buffer

    operations = [_moved(operation, move) for operation in program.operations]
    sources = [_as_number(move(port.buffer)) for port in program.outputs]
    places = _places(sources)
    operations += [
        _delivery(len(operations) + index, *ends)
        for index, ends in enumerate(zip(sources, places, strict=True))
    ]
    kept = (p for p in program.pools if p.memory is not Memory.OUTPUT and p.name != MAIN)
    pools = (*kept, *(p for p in (wider, *(b.pool for b in places[:1])) if p.size))
    ports = zip(program.outputs, places, strict=True)
    return replace(
        program,
        outputs=tuple(Port(port.name, place) for port, place in ports),
        operations=tuple(operations),
        pools=pools,
    )


def _in_place(program: Program) -> bool:
    """Return whether the outputs can stay, and nothing else lies in their memory."""
    ports = [port.buffer for port in program.outputs]
    spans = [(port.offset, port.end) for port in ports]
    written = (
        buffer
        for operation in program.operations
        for buffer in (*operation.inputs, *operation.outputs)
        if buffer.memory is Memory.OUTPUT
    )
    return (
        all(port.memory is Memory.OUTPUT and port.contiguous for port in ports)
        and len({port.offset for port in ports}) == len(ports)
        and all(any(a <= b.offset and b.end <= z for a, z in spans) for b in written)
    )


def _moved(operation: Operation, move: Move) -> Operation:
    inputs, outputs = (
        tuple(map(move, buffers)) for buffers in (operation.inputs, operation.outputs)
    )
    return replace(operation, inputs=inputs, outputs=outputs)


def _as_number(buffer: Buffer) -> Buffer:
    """Return a buffer of bytes for one of truth values: files have no type for these."""
    return replace(buffer, dtype=DType.U8) if buffer.dtype is DType.BOOL else buffer


def _places(sources: list[Buffer]) -> list[Buffer]:
    """Return a place for each output, one behind the other."""
    offsets, end = [], 0
    for source in sources:
        offsets.append(end)
        end = aligned(end + dense(source.pool, 0, source.dtype, source.shape).nbytes)
    last = sources[-1] if sources else None
    size = offsets[-1] + dense(last.pool, 0, last.dtype, last.shape).nbytes if last else 0
    pool = Pool("output", Memory.OUTPUT, size)
    return [
        dense(pool, offset, source.dtype, source.shape)
        for offset, source in zip(offsets, sources, strict=True)
    ]


def _delivery(index: int, source: Buffer, place: Buffer) -> Operation:
    kind = KpuDownload if source.layout is Layout.KPU_ROWS else Copy
    name = f"{index:02d}_{kind.kind()}"
    return kind(name=name, offset=0, inputs=(source,), outputs=(place,))
