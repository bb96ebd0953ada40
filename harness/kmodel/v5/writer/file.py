"""A whole program as a file: the entry's code on the stack machine, and runs on the KPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from harness.errors import ConversionError
from harness.kmodel.memory import KPU_BYTES, Buffer, Memory
from harness.kmodel.operations import Operation
from harness.kmodel.program import Port, Program
from harness.kmodel.v5.model import CONSTANT, DATA, INPUT, KPU, OUTPUT, Parameter, Range
from harness.kmodel.v5.releases import Release
from harness.kmodel.v5.writer.bytecode import Code, written_strides
from harness.kmodel.v5.writer.constants import Constants
from harness.kmodel.v5.writer.container import WrittenFunction, WrittenModule, file_bytes
from harness.kmodel.v5.writer.delivery import MAIN
from harness.kmodel.v5.writer.kpu import KPU_ALIGNMENT, OWN, KpuFunction, is_kpu, shared
from harness.kmodel.v5.writer.parts import ALIGNMENT, dtype_number
from harness.kmodel.v5.writer.tensors import write_tensor
from harness.kmodel.writer import Refusals

KPU_MODULE = 1
# Each argument takes two of the 256 shape registers.
MOST_ARGUMENTS = 128
_LOCATIONS = {Memory.INPUT: INPUT, Memory.OUTPUT: OUTPUT, Memory.MAIN: DATA}

Run = list[Operation]


def file_of(program: Program, release: Release) -> bytes:
    """Return the file of a program whose outputs lie in their own memory.

    Raises:
        ConversionError: Operations cannot be expressed; all of them are named.
    """
    return _File(program, release).build()


def runs(operations: tuple[Operation, ...]) -> Iterator[Run]:
    """Split a program: single operations of the CPU, and runs that one KPU function can do.

    What a function wrote to the caller's memory is read by another one only.
    """
    run: Run = []
    for operation in operations:
        if run and (not is_kpu(operation) or _ends_run(run, operation)):
            yield run
            run = []
        run.append(operation)
        if not is_kpu(operation):
            yield run
            run = []
    if run:
        yield run


def _ends_run(run: Run, operation: Operation) -> bool:
    written = [buffer for one in run for buffer in one.outputs if shared(buffer)]
    given = sum(map(shared, (b for one in run for b in (*one.inputs, *one.outputs))))
    return given > MOST_ARGUMENTS - 4 or any(
        a.pool == b.pool and a.offset < b.end and b.offset < a.end
        for a in operation.inputs
        for b in written
    )


@dataclass
class _File:
    program: Program
    release: Release
    constants: Constants = field(default_factory=Constants)
    kpu_constants: Constants = field(default_factory=Constants)
    kpu: list[WrittenFunction] = field(default_factory=list)
    refusals: Refusals = field(default_factory=lambda: Refusals(5))

    def build(self) -> bytes:
        self.code = Code(self.release)
        for run in runs(self.program.operations):
            self._run(run)
        self.refusals.raise_if_any()
        entry = WrittenFunction(
            inputs=_parameters(self.program.inputs, INPUT),
            outputs=_parameters(self.program.outputs, OUTPUT),
            code=bytes(self.code.done),
        )
        return file_bytes(self._modules(entry))

    def _run(self, run: Run) -> None:
        if not is_kpu(run[0]):
            step = partial(write_tensor, self.code, run[0], self.address)
            self.refusals.attempt(run[0].name, step)
            return
        function = KpuFunction(self.program, self.release, self.kpu_constants)
        for operation in run:
            self.refusals.attempt(operation.name, partial(function.add, operation))
        self.refusals.attempt(run[0].name, partial(self._call, function))

    def _call(self, function: KpuFunction) -> None:
        """Append the call of a function of the KPU's module, and the function to the module."""
        register = 0
        for arguments in (function.inputs, function.outputs):
            for buffer in arguments.buffers:
                self.code.address(*self.address(buffer))
                self.code.integer(dtype_number(buffer.dtype))
                for numbers in (buffer.shape, written_strides(buffer, self.release)):
                    self.code.shape(register, numbers)
                    self.code.integer(register)
                    register += 1
        counts = len(function.inputs.buffers), len(function.outputs.buffers)
        self.code.tensor("call", (len(self.kpu), KPU_MODULE, *counts))
        self.kpu.append(
            WrittenFunction(
                function.inputs.parameters, function.outputs.parameters, bytes(function.code)
            )
        )

    def address(self, buffer: Buffer) -> tuple[int, int]:
        """Return where the stack machine finds a buffer: location and offset."""
        if buffer.memory is Memory.CONSTANT:
            raw = self.program.data[buffer.offset : buffer.end]
            return CONSTANT, self.constants.add(raw, ALIGNMENT)
        if not shared(buffer):
            raise ConversionError(f"the CPU cannot reach memory {buffer.pool.name!r}")
        return _LOCATIONS[buffer.memory], buffer.offset

    def _modules(self, entry: WrittenFunction) -> list[WrittenModule]:
        sizes = {pool.name: pool.size for pool in self.program.pools}
        constants = self.constants.section()
        pools = {CONSTANT: len(constants), DATA: sizes.get(MAIN, 0)}
        modules = [WrittenModule("stackvm", pools, constants, (entry,), ALIGNMENT)]
        if self.kpu:
            constants = self.kpu_constants.section()
            pools = {CONSTANT: len(constants), DATA: sizes.get(OWN, 0), KPU: KPU_BYTES}
            modules.append(WrittenModule("k210", pools, constants, self.kpu, KPU_ALIGNMENT))
        return modules


def _parameters(ports: tuple[Port, ...], location: int) -> list[Parameter]:
    """Return the inputs or outputs of the entry function."""
    buffers = [port.buffer for port in ports]
    return [Parameter(Range(location, b.dtype, b.offset, b.nbytes, 0), b.shape) for b in buffers]
