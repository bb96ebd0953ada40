"""The file around the layers: header, outputs, layer headers, bodies.

Source: nncase v0.1.0-rc5 `Generator.cs`, whose layout this follows; kendryte-standalone-sdk
`kpu.h`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from harness.errors import ConversionError
from harness.kmodel.memory import KPU_BYTES, Buffer, Memory
from harness.kmodel.operations import KpuConv2d, Operation
from harness.kmodel.program import Program
from harness.kmodel.v3.container import EIGHT_BIT_WEIGHTS, FIRST_LAYERS
from harness.kmodel.v3.layers import LAYERS, number
from harness.kmodel.v3.writer.body import Body
from harness.kmodel.writer import Refusals, Writer, write_bodies

VERSION = 3
ALIGNMENT = 8


def write(program: Program) -> bytes:
    """Return the file of a program in v3 form.

    v3 form means: layers of `harness.kmodel.v3.layers` only, on one image, with tensors that are
    float32 or uint8 and without gaps in one pool of main memory, or in KPU memory. The first layer
    is a KPU convolution, whose input in KPU memory is the program's (the runtime puts it there: no
    upload comes before), or a full connection, whose input in main memory is. All KPU layers have
    weights of 8 bits, or all of 16.

    Raises:
        ConversionError: Something cannot be said in v3; every operation in the way is named.
    """
    refusals = Refusals(VERSION)
    _check(program, refusals)
    out = Writer()
    _head(program, out, refusals)
    write_bodies(program, out, partial(_layer, Body(program, out)), refusals, ALIGNMENT)
    refusals.raise_if_any()
    return bytes(out.data)


def _layer(body: Body, operation: Operation) -> int:
    kind = number(operation)
    layer = LAYERS[kind]
    body.out.words(layer.flags(operation))
    layer.write(body, operation)
    return kind


def _check(program: Program, refusals: Refusals) -> None:
    main = [pool.name for pool in program.pools if pool.memory is Memory.MAIN]
    if len(main) > 1:
        refusals.add("pools", f"{', '.join(main)}, where v3 has one")
    first, inputs = program.operations[:1], program.inputs
    if first and not isinstance(first[0], FIRST_LAYERS):
        refusals.add(first[0].name, f"a {first[0].kind()} as first layer")
    elif [port.buffer for port in inputs] != [operation.input for operation in first]:
        refusals.add("input", f"{len(inputs)} inputs that are not the first layer's alone")
    layers = [op for op in program.operations if isinstance(op, KpuConv2d)]
    for layer in layers:
        if layer.weights.itemsize != layers[0].weights.itemsize:
            refusals.add(layer.name, "weights of other width than the first layer's")


def _head(program: Program, out: Writer, refusals: Refusals) -> None:
    layers = [op for op in program.operations if isinstance(op, KpuConv2d)]
    flags = EIGHT_BIT_WEIGHTS if all(op.weights.itemsize == 1 for op in layers) else 0
    out.words(VERSION, flags, 0, len(program.operations), _lowest_row(program))
    out.words(program.pool_bytes(Memory.MAIN), len(program.outputs))
    for port in program.outputs:
        refusals.attempt(port.name, partial(_output, out, port.buffer))


def _output(out: Writer, buffer: Buffer) -> None:
    if buffer.memory is not Memory.MAIN or not buffer.contiguous:
        raise ConversionError("an output that is not one tensor in main memory")
    out.words(buffer.offset, buffer.nbytes)


def _lowest_row(program: Program) -> int:
    """Return the field `max_start_address`.

    It is the lowest row of KPU memory that anything takes, or the number of rows if nothing does
    (nncase v0.1.0-rc5 `KPUMemoryAllocator.cs`); the runtime does not look at it.
    """
    return min((buffer.offset for buffer in _maps(program)), default=KPU_BYTES) // 64


def _maps(program: Program) -> Iterator[Buffer]:
    for operation in program.operations:
        for buffer in (*operation.inputs, *operation.outputs):
            if buffer.memory is Memory.KPU:
                yield buffer
