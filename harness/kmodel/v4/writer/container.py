"""The file around the nodes: header, inputs, outputs, constants, node headers, bodies.

Source: nncase v0.2.0-beta4 `model.h` and `codegen.cpp`, whose layout this follows.
"""

from __future__ import annotations

from functools import partial

from harness.kmodel.memory import Buffer, Memory
from harness.kmodel.operations.base import Operation
from harness.kmodel.program import Program
from harness.kmodel.v4.container import TARGETS
from harness.kmodel.v4.nodes import NODES, opcode
from harness.kmodel.v4.writer.body import ALIGNMENT, Body, Constants
from harness.kmodel.writer import Refusals, Writer, check_inside, write_bodies

IDENTIFIER = b"LDMK"
VERSION = 4


def write(program: Program) -> bytes:
    """Return the file of a program in v4 form.

    v4 form means: operations of `harness.kmodel.v4.nodes` only, with tensors that are float32 or
    uint8, of at most four axes and without gaps, in one pool of main memory, in KPU memory or in
    the program's data. Nothing is rewritten here but the places of the constants.

    Raises:
        ConversionError: Something cannot be said in v4; every operation in the way is named.
    """
    refusals = Refusals(VERSION)
    main = [pool for pool in program.pools if pool.memory is Memory.MAIN]
    if len(main) > 1:
        refusals.add("pools", f"{', '.join(pool.name for pool in main)}, where v4 has one")
    out = Writer()
    body = Body(program, Constants.of(program, _constants(program, refusals)), out)
    _ends(body, sum(pool.size for pool in main), refusals)
    body.constants.write(out)
    write_bodies(program, out, partial(_node, body), refusals, ALIGNMENT)
    refusals.raise_if_any()
    return bytes(out.data)


def _node(body: Body, operation: Operation) -> int:
    number = opcode(operation)
    NODES[number].write(body, operation)
    return number


def _constants(program: Program, refusals: Refusals) -> list[Buffer]:
    """Return the buffers that memory ranges say stand in the file."""
    named = [(port.name, port.buffer) for port in (*program.inputs, *program.outputs)]
    for operation in program.operations:
        number = refusals.attempt(operation.name, partial(opcode, operation))
        if number is not None:
            named += [(operation.name, b) for b in operation.inputs[: NODES[number].ranges]]
    constants = [(name, buffer) for name, buffer in named if buffer.memory is Memory.CONSTANT]
    for name, buffer in constants:
        refusals.attempt(name, partial(check_inside, program, buffer))
    return [buffer for _, buffer in constants]


def _ends(body: Body, main: int, refusals: Refusals) -> None:
    program, out = body.program, body.out
    out.raw(IDENTIFIER)
    out.words(VERSION, 0, TARGETS.index("k210"), body.constants.size, main)
    out.words(len(program.operations), len(program.inputs), len(program.outputs), 0)
    for port in program.inputs:
        refusals.attempt(port.name, partial(body.range, port.buffer))
    for port in program.inputs:
        refusals.attempt(port.name, partial(body.shape, port.buffer.shape))
    for port in program.outputs:
        refusals.attempt(port.name, partial(body.range, port.buffer))
