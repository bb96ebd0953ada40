"""Functions of `k210` modules: records of fixed size, one an operation.

Source: nncase v1.9.0 `modules/k210/include/nncase/runtime/k210/runtime_types.h`,
`modules/k210/src/runtime/runtime_function.cpp`; the same since v1.0.0-beta1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import KModelError
from harness.kmodel.build import OperationList, inside
from harness.kmodel.kpu_layer import LayerReader, TablePlaces, out_shape
from harness.kmodel.memory import Buffer, Memory, dense, feature_map
from harness.kmodel.operations import Copy, KpuDownload, KpuUpload, Operation
from harness.kmodel.reader import Reader
from harness.kmodel.registers import REGISTERS, LayerRegisters
from harness.kmodel.v5.machine import Address
from harness.kmodel.v5.memory import Pools
from harness.kmodel.v5.model import INPUT, OUTPUT, Function, Parameter, Range
from harness.kmodel.v5.opcodes import CONVOLUTION, COPY, DOWNLOAD, UPLOAD
from harness.kmodel.v5.parts import memory_range

RANK = 4
PARAMETER = "start of a parameter"


@dataclass(frozen=True)
class Call:
    """One call of a function: where its inputs and outputs lie.

    Attributes:
        pools: Pools of the file.
        module: Index of the function's module.
        function: What is called.
        inputs: One place an input.
        outputs: One place an output.
        layers: Makes KPU layers.
    """

    pools: Pools
    module: int
    function: Function
    inputs: tuple[Address, ...]
    outputs: tuple[Address, ...]
    layers: LayerReader

    def run(self, reader: Reader, done: OperationList) -> None:
        """Append the function's operations.

        Raises:
            KModelError: A record breaks a rule of the format.
        """
        reader = Reader(reader.data, self.function.start, self.function.stop)
        while reader.left:
            at = reader.position
            opcode = reader.u8("KPU opcode")
            reader.skip(3, "padding")
            if opcode not in RECORDS:
                raise KModelError(at, "KPU opcode", opcode, f"0 to {len(RECORDS) - 1}")
            done.add(RECORDS[opcode](self, reader, at))

    def address(self, place: Range) -> Address:
        """Return the place of a range; parameters lie where the caller put them.

        Raises:
            KModelError: There is no such parameter or location.
        """
        if place.location == INPUT:
            return _bound(place, self.function.inputs, self.inputs)
        if place.location == OUTPUT:
            return _bound(place, self.function.outputs, self.outputs)
        return self.pools.address(self.module, place.location, place.start, place.at)

    def tensor(self, place: Range, shape: tuple[int, ...]) -> Buffer:
        """Return a tensor without gaps, or a feature map if the range lies in KPU memory."""
        address = self.address(place)
        if address.pool.memory is not Memory.KPU:
            found = dense(address.pool, address.offset, place.dtype, shape)
            return inside(found, "a tensor", place.at)
        row, rest = divmod(address.offset, 64)
        if rest:
            raise KModelError(place.at, "KPU address", address.offset, "a multiple of 64")
        return inside(feature_map(address.pool, row, shape), "a feature map", place.at)

    def strided(self, place: Range, shape: tuple[int, ...], strides: tuple[int, ...]) -> Buffer:
        """Return a tensor in main memory with strides."""
        address = self.address(place)
        steps = tuple(0 if size == 1 else n for size, n in zip(shape, strides, strict=True))
        found = Buffer(address.pool, address.offset, place.dtype, shape, steps)
        return inside(found, "a tensor", place.at)


def _bound(
    place: Range, parameters: tuple[Parameter, ...], addresses: tuple[Address, ...]
) -> Address:
    """Return the caller's address of the parameter that starts where the range starts."""
    for parameter, address in zip(parameters, addresses, strict=True):
        if parameter.place.start == place.start:
            return address
    starts = [parameter.place.start for parameter in parameters]
    raise KModelError(
        place.at,
        PARAMETER,
        place.start,
        f"one of {starts}",
        "nncase's runtime refuses it, too; as nncase 1.9 writes it where a model's input is cut, "
        "which k210 compile mends in ONNX and PyTorch models",
    )


def _upload(call: Call, reader: Reader, at: int) -> Operation:
    source, out = memory_range(reader), memory_range(reader)
    shape = reader.shape(RANK, "shape")
    return KpuUpload(
        name="",
        offset=at,
        inputs=(call.tensor(source, shape),),
        outputs=(call.tensor(out, shape),),
    )


def _download(call: Call, reader: Reader, at: int) -> Operation:
    source, out = memory_range(reader), memory_range(reader)
    shape = reader.shape(RANK, "shape")
    return KpuDownload(
        name="",
        offset=at,
        inputs=(call.tensor(source, shape),),
        outputs=(call.tensor(out, shape),),
    )


def _conv2d(call: Call, reader: Reader, at: int) -> Operation:
    weights, batch_norm, activation, main = (memory_range(reader) for _ in range(4))
    batches = reader.u32("batches")
    words = reader.array("<u8", REGISTERS, "KPU registers")
    registers = LayerRegisters.decode([int(word) for word in words])
    places = TablePlaces(
        weights=call.pools.constant(call.module, weights),
        batch_norm=call.pools.constant(call.module, batch_norm),
        activation=call.pools.constant(call.module, activation),
    )
    copies = [call.tensor(main, out_shape(registers, batches))] if main.size else []
    return call.layers.layer(registers, batches, places, at, copies)


def _copy(call: Call, reader: Reader, at: int) -> Operation:
    source, out = memory_range(reader), memory_range(reader)
    shape = reader.shape(RANK, "shape")
    into, onto = (
        tuple(int(step) for step in reader.array("<u4", RANK, "strides")) for _ in range(2)
    )
    return Copy(
        name="",
        offset=at,
        inputs=(call.strided(source, shape, into),),
        outputs=(call.strided(out, shape, onto),),
    )


RECORDS: dict[int, Callable[[Call, Reader, int], Operation]] = {
    UPLOAD: _upload,
    DOWNLOAD: _download,
    CONVOLUTION: _conv2d,
    COPY: _copy,
}
