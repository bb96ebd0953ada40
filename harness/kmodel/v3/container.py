"""The file around the layers: header, outputs, layer headers, bodies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from harness.errors import KModelError
from harness.kmodel.build import (
    KnownShapes,
    OperationList,
    checked_pool,
    file_pool,
    inside,
    ports,
)
from harness.kmodel.kpu_layer import LayerReader
from harness.kmodel.memory import KPU_BYTES, Buffer, DType, Memory, Pool, dense
from harness.kmodel.operations.base import Operation
from harness.kmodel.operations.kpu import KpuConv2d
from harness.kmodel.operations.windows import FullyConnected
from harness.kmodel.program import Port, Program
from harness.kmodel.reader import Bytes, Reader
from harness.kmodel.v3.body import Body, Surroundings
from harness.kmodel.v3.layers import LAYERS, NAMES_ONLY

GROUP = "0.1"
EIGHT_BIT_WEIGHTS = 1
# The last body's declared size is 4 bytes too large in files of nncase 0.1.
OVERRUN = 4
# The runtime can give an input to no other.
FIRST_LAYERS = KpuConv2d, FullyConnected


@dataclass(frozen=True)
class _Header:
    flags: int
    layers: int
    main_bytes: int
    main_at: int
    outputs: int


def read(data: Bytes) -> Program:
    """Return the program of a v3 file.

    Raises:
        KModelError: The file breaks a rule of the format.
    """
    reader = Reader(data)
    header = _header(reader)
    main = checked_pool("main", Memory.MAIN, header.main_bytes, header.main_at)
    places = [
        (reader.position, reader.u32("output address"), reader.u32("output size"))
        for _ in range(header.outputs)
    ]
    kpu = Pool("kpu", Memory.KPU, KPU_BYTES)
    file = file_pool(len(data))
    weights = DType.U8 if header.flags & EIGHT_BIT_WEIGHTS else DType.U16
    layers = Surroundings(main, kpu, file, LayerReader(data, file, kpu, weights), KnownShapes())
    operations, consumed = _operations(reader, header.layers, layers)
    outputs = [_output(layers, operations, *place) for place in places]
    return Program(
        version=3,
        group=GROUP,
        candidates=(GROUP,),
        inputs=_inputs(operations),
        outputs=ports("output", outputs),
        operations=operations,
        pools=(main, kpu, file),
        data=data,
        consumed=consumed,
    )


def _header(reader: Reader) -> _Header:
    reader.u32("version")
    flags = reader.u32("flags")
    at = reader.position
    if arch := reader.u32("arch"):
        reader.fail("arch", arch, "0, the K210", at)
    layers = reader.count("number of layers", each=8)
    reader.u32("max start address")
    main_at = reader.position
    main_bytes = reader.u32("main memory usage")
    outputs = reader.count("number of outputs", each=8)
    return _Header(flags, layers, main_bytes, main_at, outputs)


def _operations(
    reader: Reader, count: int, layers: Surroundings
) -> tuple[tuple[Operation, ...], int]:
    headers = [
        (reader.position, reader.u32("layer type"), reader.u32("layer body size"))
        for _ in range(count)
    ]
    done = OperationList()
    consumed = reader.position
    for at, kind, size in headers:
        body = _body(reader, at, size)
        if kind not in LAYERS:
            _refuse(at, kind)
        operation = done.add(LAYERS[kind].read(Body(layers, body, body.position)))
        layers.shapes.write(operation.outputs)
        consumed = max(consumed, body.stop)
    return tuple(done.done), max(consumed, layers.reader.end)


def _refuse(at: int, kind: int) -> NoReturn:
    value = f"{kind} ({NAMES_ONLY[kind]})" if kind in NAMES_ONLY else kind
    raise KModelError(at, "layer type", value, "a type that the K210's runtime runs")


def _body(reader: Reader, at: int, size: int) -> Reader:
    if size > reader.left + OVERRUN:
        reader.fail("layer body size", size, f"at most the {reader.left} bytes left", at + 4)
    start = reader.take(min(size, reader.left), "layer body")
    return Reader(reader.data, start, reader.position)


def _inputs(operations: tuple[Operation, ...]) -> tuple[Port, ...]:
    if not operations:
        return ()
    first = operations[0]
    if not isinstance(first, FIRST_LAYERS):
        raise KModelError(
            first.offset, "first layer", first.kind(), "a KPU convolution or a full connection"
        )
    return ports("input", [first.input])


def _output(
    layers: Surroundings, operations: tuple[Operation, ...], at: int, address: int, size: int
) -> Buffer:
    """Return an output with the shape and type of whoever wrote it last."""
    for operation in reversed(operations):
        for buffer in operation.outputs:
            place = buffer.pool.name, buffer.offset, buffer.nbytes
            if place == (layers.main.name, address, size):
                return buffer
    flat = dense(layers.main, address, DType.U8, (size,))
    return inside(flat, "an output", at)
