"""Whether a program's tensors lie where tensors can lie, which programs made by hand may break."""

from __future__ import annotations

from functools import partial

from harness.kmodel.memory import Buffer, Layout, Memory
from harness.kmodel.program import Program
from harness.kmodel.reader import MAX_RANK
from harness.kmodel.writer import Refusals, check_all


def check_places(program: Program) -> None:
    """Check every buffer's shape, strides and place.

    Raises:
        ConversionError: Some are impossible; their operations and ports are named.
    """
    refusals = Refusals(5)
    for operation in program.operations:
        for buffer in (*operation.inputs, *operation.outputs):
            refusals.attempt(operation.name, partial(_check, program, buffer))
    for port in (*program.inputs, *program.outputs):
        refusals.attempt(port.name, partial(_check, program, port.buffer))
    refusals.raise_if_any()


def _check(program: Program, buffer: Buffer) -> None:
    shape, steps = buffer.shape, buffer.strides
    rows = buffer.layout is Layout.KPU_ROWS
    ranks = len(shape) == 4 if rows else len(shape) == len(steps) <= MAX_RANK
    check_all(
        [
            (ranks, f"shape {shape} has strides {steps}"),
            (all(0 < size < 1 << 24 for size in shape), f"shape {shape} has impossible sizes"),
            (all(0 <= step < 1 << 31 for step in steps), f"strides {steps} are impossible"),
        ]
    )
    size = len(program.data) if buffer.memory is Memory.CONSTANT else buffer.pool.size
    place = f"{buffer.offset} to {buffer.end} of {buffer.pool.name!r}, which has {size} bytes"
    check_all([(buffer.offset >= 0 and buffer.end <= size, f"a tensor lies at {place}")])
