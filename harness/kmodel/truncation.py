"""Programs cut behind one of their operations, so that firmware hands out what is inside a model.

A K210's runtimes give back main memory only, and memory is used again and again. So the program
ends where the wanted tensor is made. What is in KPU memory is downloaded in version 5; a KPU layer
of the older versions is made to send a copy to main memory as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from harness.errors import ConversionError, UsageError
from harness.kmodel.memory import Buffer, DType, Memory, Pool, dense
from harness.kmodel.operations import (
    Dequantize,
    DequantizeZeroPoint,
    KpuAddPadding,
    KpuConv2d,
    KpuUpload,
    Operation,
)
from harness.kmodel.program import Port, Program
from harness.kmodel.v5.writer.delivery import delivered

# The DMA of v3's runtime writes whole words of 8 bytes, and nncase 0.2 places nothing finer.
WORD = 8


def until(program: Program, layer: str, as_float: bool = False) -> Program:
    """Return a program that ends with an operation and has its result as the only output.

    Operations and their names stay as they are; in version 5 a download or a copy into the memory
    of outputs follows. What an upload, or v3's add_padding, puts into KPU memory is given back, in
    the older versions, as it was before, from main memory. (An operation with several outputs, in
    version 5, keeps them all.)

    Args:
        program: The whole program.
        layer: Name of an operation.
        as_float: Let a uint8 result come out as float32 with the same values: MaixPy takes the
            outputs of version 4 for floats, whatever they are (`Maix_kpu.c`).

    Raises:
        UsageError: There is no operation of that name.
        ConversionError: The result lies where the format cannot return it from.
    """
    names = [operation.name for operation in program.operations]
    if layer not in names:
        near = get_close_matches(layer, names, n=3, cutoff=0.0) or ["none at all"]
        raise UsageError(
            f"the program has no operation {layer!r}", f"the nearest are: {', '.join(near)}"
        )
    cut = replace(program, operations=program.operations[: names.index(layer) + 1])
    if program.version == 5:
        return delivered(_with_outputs(cut, cut.operations[-1].outputs), as_float)
    cut = _returned(cut, cut.operations[-1])
    bytes_out = cut.outputs[0].buffer.dtype is DType.U8
    return _with_floats(cut, cut.outputs[0].buffer) if as_float and bytes_out else cut


def _returned(program: Program, last: Operation) -> Program:
    """Return a program of version 3 or 4 with the result of its last operation as output."""
    if isinstance(last, KpuConv2d) and len(last.outputs) == 1:
        return _with_copy(program, last)
    result = _result(last)
    if result.memory is Memory.KPU:
        raise ConversionError(
            f"{last.name} leaves its result in KPU memory, from where kmodel v{program.version} "
            "cannot return it",
            "cut behind a later operation",
        )
    return _with_outputs(program, (result,))


def _result(operation: Operation) -> Buffer:
    """Return where the result of an operation of version 3 or 4 lies in main memory."""
    if isinstance(operation, KpuUpload | KpuAddPadding):
        return operation.input
    return operation.outputs[-1]


def _with_outputs(program: Program, buffers: tuple[Buffer, ...]) -> Program:
    ports = tuple(Port(f"output_{index}", buffer) for index, buffer in enumerate(buffers))
    return replace(program, outputs=ports)


def _with_copy(program: Program, layer: KpuConv2d) -> Program:
    """Let the last operation, a KPU layer, send a copy to main memory.

    The layer reads KPU memory only, and nothing runs behind it: all of main memory is free then.
    """
    size = layer.output.elements + -layer.output.elements % WORD
    program = _with_main(program, size)
    (main,) = (pool for pool in program.pools if pool.memory is Memory.MAIN)
    copy = dense(main, 0, layer.output.dtype, layer.output.shape)
    *before, last = program.operations
    last = replace(last, outputs=(*last.outputs, copy))
    return _with_outputs(replace(program, operations=(*before, last)), (copy,))


def _with_floats(program: Program, result: Buffer) -> Program:
    """Append a dequantisation that changes no value: all but the result is free for its output."""
    size, after = 4 * result.elements, result.end + -result.end % WORD
    at = after if result.memory is Memory.MAIN and size > result.offset else 0
    program = _with_main(program, at + size)
    (main,) = (pool for pool in program.pools if pool.memory is Memory.MAIN)
    source = replace(result, pool=main) if result.memory is Memory.MAIN else result
    floats = dense(main, at, DType.F32, result.shape)
    operation = _identity(program.version, source, floats)
    name = f"{len(program.operations):02d}_{operation.kind()}"
    operations = *program.operations, replace(operation, name=name)
    return _with_outputs(replace(program, operations=operations), (floats,))


def _identity(version: int, source: Buffer, floats: Buffer) -> Operation:
    ends: dict[str, Any] = {"name": "", "offset": 0, "inputs": (source,), "outputs": (floats,)}
    if version == 3:
        return Dequantize(**ends, scale=1.0, bias=0.0)
    return DequantizeZeroPoint(**ends, scale=1.0, zero_point=0)


def _with_main(program: Program, size: int) -> Program:
    """Return the program with at least `size` bytes of main memory."""
    pools = {pool.memory: pool for pool in program.pools}
    main = pools.get(Memory.MAIN, Pool("main", Memory.MAIN, 0))
    if main.size >= size:
        return program
    wider = replace(main, size=size)

    def move(buffer: Buffer) -> Buffer:
        return replace(buffer, pool=wider) if buffer.memory is Memory.MAIN else buffer

    return replace(
        program,
        inputs=tuple(replace(port, buffer=move(port.buffer)) for port in program.inputs),
        operations=tuple(_moved(operation, move) for operation in program.operations),
        pools=(wider, *(pool for pool in program.pools if pool.memory is not Memory.MAIN)),
    )


def _moved(operation: Operation, move: Callable[[Buffer], Buffer]) -> Operation:
    return replace(
        operation,
        inputs=tuple(map(move, operation.inputs)),
        outputs=tuple(map(move, operation.outputs)),
    )
