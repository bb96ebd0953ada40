"""The file around the nodes: header, inputs, outputs, constants, node headers, bodies."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import KModelError
from harness.kmodel.build import (
    KnownShapes,
    OperationList,
    checked_pool,
    file_pool,
    ports,
)
from harness.kmodel.kpu_layer import LayerReader
from harness.kmodel.memory import KPU_BYTES, Buffer, Memory, Pool, dense
from harness.kmodel.operations.base import Operation
from harness.kmodel.operations.windows import MatMul
from harness.kmodel.program import Program
from harness.kmodel.reader import Bytes, Reader
from harness.kmodel.v4.body import RANK, Body, Range, Surroundings
from harness.kmodel.v4.nodes import NODES

GROUP = "0.2"
TARGETS = ("cpu", "k210")
# The last body's declared size is 4 bytes too large in some files of nncase 0.2.
OVERRUN = 4


@dataclass(frozen=True)
class _Header:
    constants: int
    main: Pool
    nodes: int
    inputs: int
    outputs: int


def read(data: Bytes) -> Program:
    """Return the program of a v4 file.

    Raises:
        KModelError: The file breaks a rule of the format.
    """
    reader = Reader(data)
    header = _header(reader)
    tables = Reader(data, reader.position)
    tables.skip(header.inputs * (16 + 4 * RANK) + header.outputs * 16, "inputs and outputs")
    constants = tables.take(header.constants, "constants")
    kpu, file = Pool("kpu", Memory.KPU, KPU_BYTES), file_pool(len(data))
    layers = LayerReader(data, file, kpu)
    around = Surroundings(
        file, header.main, kpu, constants, header.constants, layers, KnownShapes()
    )
    inputs = _inputs(reader, header.inputs, around)
    results = [around.range(reader) for _ in range(header.outputs)]
    operations, consumed = _operations(tables, header.nodes, around)
    shapes = Body(around, reader, reader.position)
    return Program(
        version=4,
        group=GROUP,
        candidates=(GROUP,),
        inputs=ports("input", inputs),
        outputs=ports("output", [_output(shapes, operations, place) for place in results]),
        operations=operations,
        pools=(header.main, kpu, file),
        data=data,
        consumed=consumed,
    )


def _header(reader: Reader) -> _Header:
    reader.skip(8, "identifier and version")
    reader.u32("flags")
    at = reader.position
    target = reader.u32("target")
    if target >= len(TARGETS):
        reader.fail("target", target, "0 (cpu) or 1 (k210)", at)
    constants = reader.count("bytes of constants", each=1)
    at = reader.position
    main = checked_pool("main", Memory.MAIN, reader.u32("bytes of main memory"), at)
    nodes = reader.count("number of nodes", each=8)
    inputs = reader.count("number of inputs", each=32)
    outputs = reader.count("number of outputs", each=16)
    reader.u32("reserved")
    return _Header(constants, main, nodes, inputs, outputs)


def _inputs(reader: Reader, count: int, around: Surroundings) -> list[Buffer]:
    places = [around.range(reader) for _ in range(count)]
    body = Body(around, reader, reader.position)
    inputs = [body.tensor(place, body.shape()) for place in places]
    around.shapes.write(inputs)
    return inputs


def _operations(
    reader: Reader, count: int, around: Surroundings
) -> tuple[tuple[Operation, ...], int]:
    headers = [
        (reader.position, reader.u32("opcode"), reader.u32("node body size")) for _ in range(count)
    ]
    done = OperationList()
    for at, opcode, size in headers:
        if opcode not in NODES:
            raise KModelError(at, "opcode", f"{opcode:#x}", "an opcode of nncase 0.2")
        if size > reader.left + OVERRUN:
            reader.fail("node body size", size, f"at most the {reader.left} bytes left", at + 4)
        start = reader.take(min(size, reader.left), "node body")
        operation = done.add(
            NODES[opcode].read(Body(around, Reader(reader.data, start, reader.position), start))
        )
        around.shapes.write(_as_meant(operation, around.shapes))
    return tuple(done.done), reader.position


def _as_meant(operation: Operation, shapes: KnownShapes) -> tuple[Buffer, ...]:
    """Return an operation's outputs with the shapes in which others are to read them.

    A matrix product of one column scales or shifts each element: what comes out has the shape of
    what went in, though the body knows of a column only.
    """
    if not (isinstance(operation, MatMul) and operation.is_column):
        return operation.outputs
    source, out = operation.input, operation.output
    shape = shapes.read(source.pool, source.offset, source.elements)
    return (dense(out.pool, out.offset, out.dtype, shape),) if len(shape) > 1 else (out,)


def _output(body: Body, operations: tuple[Operation, ...], place: Range) -> Buffer:
    """Return an output with the shape of whoever wrote it last: the file does not store it."""
    for operation in reversed(operations):
        for buffer in operation.outputs:
            if (buffer.pool, buffer.offset) == (place.pool, place.start):
                whole = buffer.nbytes == place.size and not isinstance(operation, MatMul)
                return buffer if whole else body.known(place)
    return body.known(place)
