"""One KPU convolution, put together from its registers and the places of its tables."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from harness.errors import ConversionError, KModelError
from harness.kmodel.build import constant, inside
from harness.kmodel.memory import Buffer, DType, Pool, feature_map
from harness.kmodel.operations.kpu import KpuConv2d, Pooling
from harness.kmodel.reader import Bytes
from harness.kmodel.registers import REGISTERS, LayerRegisters
from harness.kmodel.tables import ACTIVATION_BYTES, ActivationTable, BatchNorm


@dataclass(frozen=True)
class TablePlaces:
    """Offsets in the file of what a layer reads beside its input."""

    weights: int
    batch_norm: int
    activation: int


@dataclass(frozen=True)
class LayerReader:
    """Makes layers of one file.

    Attributes:
        data: uint8 [file size].
        file: Pool of the file's bytes.
        kpu: Pool of KPU memory.
        weights: Element type of the weights, uint8 or uint16.
    """

    data: Bytes
    file: Pool
    kpu: Pool
    weights: DType = DType.U8
    _seen: dict[int, LayerRegisters] = field(default_factory=dict, compare=False, repr=False)
    _ends: set[int] = field(default_factory=set, compare=False, repr=False)

    def layer(
        self,
        registers: LayerRegisters,
        batches: int,
        places: TablePlaces,
        offset: int,
        main: Iterable[Buffer] = (),
    ) -> KpuConv2d:
        """Return a layer.

        Args:
            registers: Its registers.
            batches: Images it runs on.
            places: Where its tables stand.
            offset: Where the layer stands in the file.
            main: Place of a second copy of the output in main memory, if there is one.

        Raises:
            KModelError: A register or a place is impossible.
        """
        _check(registers, batches, offset)
        # A file may call one layer often: what it reads is kept once.
        registers = self._seen.setdefault(offset, registers)
        source, destination = self._maps(registers, batches, offset)
        shape = weights_shape(registers)
        weights = self._table(places.weights, self.weights, shape, "weights", offset)
        return KpuConv2d(
            name="",
            offset=offset,
            inputs=(source,),
            outputs=(destination, *main),
            registers=registers,
            weights=self.data[weights.offset : weights.end].view(self.weights.numpy).reshape(shape),
            batch_norm=self._batch_norm(places.batch_norm, registers.out_channels, offset),
            activation=self._activation(places.activation, offset),
            weights_offset=weights.offset,
        )

    def _maps(self, registers: LayerRegisters, batches: int, offset: int) -> tuple[Buffer, Buffer]:
        into = (batches, registers.in_channels, registers.in_height, registers.in_width)
        source = feature_map(self.kpu, registers.source_row, into)
        destination = feature_map(
            self.kpu, registers.destination_row, out_shape(registers, batches)
        )
        return (
            inside(source, "the layer's input", offset),
            inside(destination, "the layer's output", offset),
        )

    def _batch_norm(self, place: int, channels: int, offset: int) -> BatchNorm:
        table = self._table(place, DType.U64, (channels,), "batch norm table", offset)
        return BatchNorm(self.data[table.offset : table.end].view("<u8"))

    def _activation(self, place: int, offset: int) -> ActivationTable:
        table = self._table(place, DType.U8, (ACTIVATION_BYTES,), "activation table", offset)
        return ActivationTable.decode(self.data[table.offset : table.end])

    def _table(
        self, place: int, dtype: DType, shape: tuple[int, ...], what: str, offset: int
    ) -> Buffer:
        table = constant(self.file, place, dtype, shape, what, offset)
        self._ends.add(table.end)
        return table

    @property
    def end(self) -> int:
        """Where the last table of all layers so far ends in the file."""
        return max(self._ends, default=0)


def out_shape(registers: LayerRegisters, batches: int) -> tuple[int, int, int, int]:
    """Return [N, C, H, W] of a layer's output."""
    return batches, registers.out_channels, registers.out_height, registers.out_width


def weights_shape(registers: LayerRegisters) -> tuple[int, int, int, int]:
    """Return [out, in, k, k]; `in` is 1 for a depthwise layer."""
    kernel = 3 if registers.kernel_type == 1 else 1
    channels = 1 if registers.depthwise else registers.in_channels
    return registers.out_channels, channels, kernel, kernel


def encode_registers(
    layer: KpuConv2d, batch_norm: int = 0, activation: int = 0, weights: int = 0
) -> bytes:
    """Return the 96 bytes of a layer's registers.

    Args:
        layer: The layer; its maps lie where its buffers say.
        batch_norm: What the register of the batch norm's address holds.
        activation: What that of the activation table holds.
        weights: What that of the weights holds.

    Raises:
        ConversionError: A value does not fit its register, or registers, maps and tables say
            different things.
    """
    _check_sizes(layer)
    registers = replace(
        layer.registers,
        source_row=layer.input.offset // 64,
        destination_row=layer.output.offset // 64,
        batch_norm_address=batch_norm,
        activation_address=activation,
        weights_address=weights,
    )
    try:
        words = registers.encode()
    except ValueError as error:
        raise ConversionError(f"register {error}") from None
    return struct.pack(f"<{REGISTERS}Q", *words)


def _check_sizes(layer: KpuConv2d) -> None:
    registers = layer.registers
    into = registers.in_channels, registers.in_height, registers.in_width
    for what, found, said in (
        ("input", layer.input.shape[1:], into),
        ("output", layer.output.shape[1:], out_shape(registers, 1)[1:]),
        ("weights", layer.weights.shape, weights_shape(registers)),
        ("batch norm", layer.batch_norm.words.shape, (registers.out_channels,)),
    ):
        if found != said:
            raise ConversionError(f"{what} of {found}, where the registers say {said}")


def _check(registers: LayerRegisters, batches: int, offset: int) -> None:
    def fail(field: str, value: object, expected: str) -> None:
        raise KModelError(offset, f"KPU layer's {field}", value, expected)

    if not 0 < batches < 1 << 16:
        fail("batches", batches, "1 to 65535")
    if registers.kernel_type > 1:
        fail("kernel type", registers.kernel_type, "0 (1x1) or 1 (3x3)")
    if registers.pool_type not in Pooling._value2member_map_:
        fail("pool type", registers.pool_type, "0 to 9")
    if registers.depthwise and registers.in_channels != registers.out_channels:
        channels = registers.in_channels, registers.out_channels
        fail("channels", channels, "equal numbers in and out, for a depthwise layer")
    stride = Pooling(registers.pool_type).stride
    size = registers.out_height, registers.out_width
    expected = registers.in_height // stride, registers.in_width // stride
    if size != expected:
        fail("output size", size, f"{expected}, the input divided by the pooling's stride")
