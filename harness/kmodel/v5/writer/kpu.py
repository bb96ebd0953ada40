"""Functions of the KPU's module: runs of operations as records, with the places they share.

Source: nncase v1.9.0 `modules/k210/include/nncase/runtime/k210/runtime_types.h`,
`modules/k210/src/runtime/runtime_function.cpp`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from harness.errors import ConversionError
from harness.kmodel.kpu_layer import encode_registers
from harness.kmodel.memory import Buffer, DType, Layout, Memory
from harness.kmodel.operations import Copy, KpuConv2d, KpuDownload, KpuUpload, Operation
from harness.kmodel.program import Program
from harness.kmodel.v5.model import CONSTANT, DATA, INPUT, KPU, OUTPUT, Parameter, Range
from harness.kmodel.v5.opcodes import CONVOLUTION, COPY, DOWNLOAD, UPLOAD
from harness.kmodel.v5.releases import Release
from harness.kmodel.v5.writer.bytecode import written_strides
from harness.kmodel.v5.writer.constants import Constants
from harness.kmodel.v5.writer.delivery import MAIN
from harness.kmodel.v5.writer.parts import ALIGNMENT, aligned, packed, range_bytes

# How pools of working memory are called that are not the entry module's; files written here have
# one module for the KPU, the second.
OWN = f"{MAIN} of module 1"
# Of activation tables, and of sections of the KPU's module.
KPU_ALIGNMENT = 256


def is_kpu(operation: Operation) -> bool:
    """Return whether an operation belongs into the KPU's module."""
    if isinstance(operation, Copy):
        return any(
            buffer.memory is Memory.KPU or buffer.pool.name == OWN
            for buffer in (operation.input, operation.output)
        )
    return type(operation) in RECORDS


def shared(buffer: Buffer) -> bool:
    """Return whether a buffer lies in the caller's memory, so that a function is given it."""
    return buffer.memory in (Memory.INPUT, Memory.OUTPUT) or buffer.pool.name == MAIN


@dataclass
class Arguments:
    """The inputs or the outputs of one function.

    Attributes:
        location: INPUT or OUTPUT.
        buffers: Where the caller has them.
        parameters: The same, as the function sees them.
    """

    location: int
    buffers: list[Buffer] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)

    def add(self, buffer: Buffer) -> int:
        """Return where a buffer begins among the parameters."""
        buffer = _flat(buffer)
        if buffer not in self.buffers:
            last = self.parameters[-1].place if self.parameters else None
            start = aligned(last.start + last.size) if last else 0
            place = Range(self.location, buffer.dtype, start, buffer.nbytes, 0)
            self.buffers.append(buffer)
            self.parameters.append(Parameter(place, buffer.shape))
        return self.parameters[self.buffers.index(buffer)].place.start


def _flat(buffer: Buffer) -> Buffer:
    """Return a parameter without gaps, which covers the buffer's bytes."""
    if buffer.contiguous:
        return buffer
    elements = buffer.nbytes // buffer.dtype.itemsize
    return Buffer(buffer.pool, buffer.offset, buffer.dtype, (elements,), (1,))


@dataclass
class KpuFunction:
    """One run of operations under construction.

    Attributes:
        program: Holds the constants.
        release: Who will read it.
        constants: The module's.
        inputs: What the caller gives.
        outputs: What it gets.
        code: Records so far.
    """

    program: Program
    release: Release
    constants: Constants
    inputs: Arguments = field(default_factory=lambda: Arguments(INPUT))
    outputs: Arguments = field(default_factory=lambda: Arguments(OUTPUT))
    code: bytearray = field(default_factory=bytearray)

    def add(self, operation: Operation) -> None:
        """Append an operation."""
        self.code += RECORDS[type(operation)](self, operation)

    def place(self, buffer: Buffer, arguments: Arguments) -> bytes:
        """Return the range of an operation's buffer."""
        if shared(buffer):
            start = arguments.add(buffer)
            return range_bytes(arguments.location, buffer.dtype, start, buffer.nbytes)
        if buffer.memory is Memory.CONSTANT:
            raw = self.program.data[buffer.offset : buffer.end]
            start = self.constants.add(raw, ALIGNMENT)
            return range_bytes(CONSTANT, buffer.dtype, start, buffer.nbytes)
        location = KPU if buffer.memory is Memory.KPU else DATA
        if location == DATA and buffer.pool.name != OWN:
            raise ConversionError(f"the KPU's module has no memory {buffer.pool.name!r}")
        return range_bytes(location, buffer.dtype, buffer.offset, buffer.nbytes)

    def ends(self, operation: Operation) -> bytes:
        """Return the ranges of an operation's input and output."""
        source = self.place(operation.input, self.inputs)
        return source + self.place(operation.output, self.outputs)

    def table(self, dtype: DType, values: np.ndarray, alignment: int = ALIGNMENT) -> bytes:
        """Return the range of a layer's table."""
        start = self.constants.add(values, alignment)
        return range_bytes(CONSTANT, dtype, start, values.nbytes)


def _head(opcode: int) -> bytes:
    return packed("Bxxx", opcode)


def _upload(function: KpuFunction, operation: Operation) -> bytes:
    shape = packed("4I", *operation.input.shape)
    return _head(UPLOAD) + function.ends(operation) + shape


def _download(function: KpuFunction, operation: Operation) -> bytes:
    shape = packed("4I", *operation.input.shape)
    return _head(DOWNLOAD) + function.ends(operation) + shape


def _convolution(function: KpuFunction, operation: Operation) -> bytes:
    assert isinstance(operation, KpuConv2d)
    activation = np.frombuffer(operation.activation.tobytes(), np.uint8)
    ranges = (
        function.table(DType.U8, operation.weights),
        function.table(DType.U64, operation.batch_norm.words),
        function.table(DType.U8, activation, KPU_ALIGNMENT),
        *(function.place(copy, function.outputs) for copy in operation.outputs[1:]),
    )
    main = b"" if len(ranges) > 3 else range_bytes(0, DType.I8, 0, 0)
    tail = packed("I", operation.batches) + encode_registers(
        operation, batch_norm=0, activation=0, weights=0
    )
    return _head(CONVOLUTION) + b"".join(ranges) + main + tail


def _copy(function: KpuFunction, operation: Operation) -> bytes:
    source, out = operation.input, operation.output
    if Layout.KPU_ROWS in (source.layout, out.layout):
        raise ConversionError("a copy cannot see the rows of KPU memory")
    steps = [step for end in (source, out) for step in written_strides(end, function.release)]
    return _head(COPY) + function.ends(operation) + packed("12I", *source.shape, *steps)


RECORDS: dict[type[Operation], Callable[[KpuFunction, Operation], bytes]] = {
    KpuUpload: _upload,
    KpuDownload: _download,
    KpuConv2d: _convolution,
    Copy: _copy,
}
