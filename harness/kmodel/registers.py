"""The twelve 64-bit registers that describe a layer to the KPU, as named fields and back.

The same in kmodel v3, v4 and v5. Source: kendryte-standalone-sdk `lib/drivers/include/kpu.h`,
nncase v1.9.0 `modules/k210/include/nncase/runtime/k210/runtime_types.h`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

REGISTERS = 12


@dataclass(frozen=True)
class Field:
    """Where a value lies in the registers.

    Attributes:
        name: Name in `LayerRegisters`.
        register: Index of the register.
        bit: Lowest bit.
        width: Number of bits.
        plus: Added to the stored bits to give the value (1 for sizes stored minus one).
        signed: Whether the stored bits are two's complement.
    """

    name: str
    register: int
    bit: int
    width: int
    plus: int = 0
    signed: bool = False

    @property
    def mask(self) -> int:
        """The bits that the field covers in its register."""
        return ((1 << self.width) - 1) << self.bit

    def decode(self, word: int) -> int:
        """Return the value stored in a register."""
        raw = (word & self.mask) >> self.bit
        if self.signed and raw >> (self.width - 1):
            raw -= 1 << self.width
        return raw + self.plus

    def encode(self, value: int) -> int:
        """Return the bits of a value.

        Raises:
            ValueError: It does not fit.
        """
        raw = value - self.plus
        low = -(1 << (self.width - 1)) if self.signed else 0
        high = low + (1 << self.width)
        if not low <= raw < high:
            raise ValueError(
                f"{self.name}={value} does not fit: {low + self.plus} to {high - 1 + self.plus}"
            )
        return (raw << self.bit) & self.mask


FIELDS = (
    Field("interrupt", 0, 0, 1),
    Field("ram_flag", 0, 1, 1),
    Field("full_add", 0, 2, 1),
    Field("depthwise", 0, 3, 1),
    Field("source_row", 1, 0, 15),
    Field("destination_row", 1, 32, 15),
    Field("in_channels", 2, 0, 10, plus=1),
    Field("out_channels", 2, 32, 10, plus=1),
    Field("out_channels_per_load", 2, 48, 10, plus=1),
    Field("in_width", 3, 0, 10, plus=1),
    Field("in_height", 3, 10, 9, plus=1),
    Field("out_width", 3, 32, 10, plus=1),
    Field("out_height", 3, 42, 9, plus=1),
    Field("kernel_type", 4, 0, 3),
    Field("pad_type", 4, 3, 1),
    Field("pool_type", 4, 4, 4),
    Field("first_stride", 4, 8, 1),
    Field("bypass_convolution", 4, 9, 1),
    Field("load_parameters", 4, 10, 1),
    Field("dma_burst", 4, 16, 8),
    Field("pad_value", 4, 24, 8),
    Field("batch_norm_address", 4, 32, 32),
    Field("load_order", 5, 0, 1),
    Field("loads", 5, 1, 6, plus=1),
    Field("load_bytes", 5, 15, 17),
    Field("weights_address", 5, 32, 32),
    Field("coefficient_column_offset", 6, 0, 4),
    Field("coefficient_row_offset", 6, 4, 12),
    Field("read_channel_rows", 7, 0, 15),
    Field("read_line_rows", 7, 16, 4),
    Field("coefficient_size", 7, 20, 8),
    Field("read_channels_per_row", 7, 28, 3),
    Field("load_activation", 7, 31, 1),
    Field("activation_address", 7, 32, 32),
    Field("write_channel_rows", 8, 0, 15),
    Field("write_line_rows", 8, 16, 4),
    Field("write_channels_per_row", 8, 20, 3),
    Field("shift_w", 9, 0, 4),
    Field("shift_x", 9, 4, 4),
    Field("arg_w", 9, 8, 24, signed=True),
    Field("arg_x", 9, 32, 24, signed=True),
    Field("arg_add", 10, 0, 40, signed=True),
    Field("send_data_out", 11, 0, 1),
    Field("dma_channel_bytes", 11, 16, 16, plus=1),
    Field("dma_total_bytes", 11, 32, 32, plus=1),
)


@dataclass(frozen=True, slots=True)
class LayerRegisters:
    """One convolution layer as the KPU sees it.

    Attributes:
        interrupt: 1 to raise an interrupt when the layer is done.
        ram_flag: Not used by any known compiler.
        full_add: Not used by any known compiler.
        depthwise: 1 for a depthwise convolution.
        source_row: First row of the input in KPU memory, in units of 64 bytes.
        destination_row: First row of the output, in units of 64 bytes.
        in_channels: 1 to 1024.
        out_channels: 1 to 1024.
        out_channels_per_load: Output channels whose weights are loaded at once.
        in_width: Columns of the input, which are those of the convolution.
        in_height: Lines of the input.
        out_width: Columns behind the pooling.
        out_height: Lines behind the pooling.
        kernel_type: 0 for 1x1, 1 for 3x3.
        pad_type: 0, the border is filled with `pad_value`.
        pool_type: 0 to 9, see `harness.kmodel.operations.kpu.Pooling`.
        first_stride: Set by no known compiler of full layers.
        bypass_convolution: 1 to pool without convolution.
        load_parameters: 1 to load weights.
        dma_burst: Length of a DMA burst, 15 in all files seen.
        pad_value: Byte that stands for zero outside the input.
        batch_norm_address: In v4 files the padding in bytes before the table; else 0.
        load_order: 1 to load weights channel by channel.
        loads: How many loads bring in all weights.
        load_bytes: Bytes of one load.
        weights_address: As batch_norm_address.
        coefficient_column_offset: 0 in all files seen.
        coefficient_row_offset: 0 in all files seen.
        read_channel_rows: Rows of 64 bytes from one block of channels to the next, input.
        read_line_rows: Rows of one line, input.
        coefficient_size: 0 in all files seen.
        read_channels_per_row: Channels that share a row, input.
        load_activation: 1 to load the activation table.
        activation_address: As batch_norm_address.
        write_channel_rows: As read_channel_rows, output.
        write_line_rows: As read_line_rows, output.
        write_channels_per_row: As read_channels_per_row, output.
        shift_w: Right shift of `arg_w` times the sum of the weights.
        shift_x: Right shift of `arg_x` times the sum of the inputs.
        arg_w: Minus the zero point of the input (before the shift).
        arg_x: Minus the zero point of the weights (before the shift).
        arg_add: Added once for every input channel; once for a depthwise layer.
        send_data_out: 1 to send the output to the DMA.
        dma_channel_bytes: Bytes of one output channel without gaps.
        dma_total_bytes: Bytes of the output without gaps.
        reserved: What the registers hold outside of all fields, one number a register.
    """

    interrupt: int
    ram_flag: int
    full_add: int
    depthwise: int
    source_row: int
    destination_row: int
    in_channels: int
    out_channels: int
    out_channels_per_load: int
    in_width: int
    in_height: int
    out_width: int
    out_height: int
    kernel_type: int
    pad_type: int
    pool_type: int
    first_stride: int
    bypass_convolution: int
    load_parameters: int
    dma_burst: int
    pad_value: int
    batch_norm_address: int
    load_order: int
    loads: int
    load_bytes: int
    weights_address: int
    coefficient_column_offset: int
    coefficient_row_offset: int
    read_channel_rows: int
    read_line_rows: int
    coefficient_size: int
    read_channels_per_row: int
    load_activation: int
    activation_address: int
    write_channel_rows: int
    write_line_rows: int
    write_channels_per_row: int
    shift_w: int
    shift_x: int
    arg_w: int
    arg_x: int
    arg_add: int
    send_data_out: int
    dma_channel_bytes: int
    dma_total_bytes: int
    reserved: tuple[int, ...] = (0,) * REGISTERS

    @classmethod
    def decode(cls, words: Sequence[int]) -> LayerRegisters:
        """Return the fields of twelve 64-bit words."""
        values: dict[str, Any] = {
            field.name: field.decode(words[field.register]) for field in FIELDS
        }
        reserved = tuple(word & ~mask for word, mask in zip(words, _COVERED, strict=True))
        return cls(**values, reserved=reserved)

    def encode(self) -> tuple[int, ...]:
        """Return the twelve 64-bit words.

        Raises:
            ValueError: A value does not fit its field; it is named.
        """
        words = list(self.reserved)
        for field in FIELDS:
            words[field.register] |= field.encode(getattr(self, field.name))
        return tuple(words)


def _covered() -> tuple[int, ...]:
    masks = [0] * REGISTERS
    for field in FIELDS:
        masks[field.register] |= field.mask
    return tuple(masks)


_COVERED = _covered()
