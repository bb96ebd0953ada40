import ctypes
import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.kmodel.registers import FIELDS, REGISTERS, LayerRegisters
from harness.kmodel.tables import ActivationTable, BatchNorm

words = st.lists(st.integers(0, 2**64 - 1), min_size=REGISTERS, max_size=REGISTERS)


def values(field):
    low = -(1 << (field.width - 1)) if field.signed else 0
    return st.integers(low + field.plus, low + (1 << field.width) - 1 + field.plus)


fields = st.fixed_dictionaries({field.name: values(field) for field in FIELDS})


@given(words)
def test_every_bit_survives(stored):
    assert LayerRegisters.decode(stored).encode() == tuple(stored)


@given(fields)
def test_every_value_survives(named):
    layer = LayerRegisters(**named)
    assert LayerRegisters.decode(layer.encode()) == layer


# The bit fields of `kpu_layer_argument_t` in kendryte-standalone-sdk's `kpu.h`, one register a
# line; a number alone is as many bits that nobody uses.
HEADER = """
interrupt:1 ram_flag:1 full_add:1 depthwise:1 60
source_row:15 17 destination_row:15 17
in_channels:10 22 out_channels:10 6 out_channels_per_load:10 6
in_width:10 in_height:9 13 out_width:10 out_height:9 13
kernel_type:3 pad_type:1 pool_type:4 first_stride:1 bypass_convolution:1 load_parameters:1 5 \
dma_burst:8 pad_value:8 batch_norm_address:32
load_order:1 loads:6 8 load_bytes:17 weights_address:32
coefficient_column_offset:4 coefficient_row_offset:12 48
read_channel_rows:15 1 read_line_rows:4 coefficient_size:8 read_channels_per_row:3 \
load_activation:1 activation_address:32
write_channel_rows:15 1 write_line_rows:4 write_channels_per_row:3 41
shift_w:4 shift_x:4 arg_w:24 arg_x:24 8
arg_add:40 24
send_data_out:1 15 dma_channel_bytes:16 dma_total_bytes:32
"""


def structure(line):
    """Return a C structure of one register's bit fields."""
    named = [part.rpartition(":") for part in line.split()]
    members = [
        (name or f"unused{n}", ctypes.c_uint64, int(bits))
        for n, (name, _, bits) in enumerate(named)
    ]
    return type("Register", (ctypes.LittleEndianStructure,), {"_fields_": members})


@given(words)
def test_fields_lie_where_a_c_compiler_puts_those_of_the_vendor(stored):
    layer = LayerRegisters.decode(stored)
    lines = HEADER.replace("\\\n", "").split("\n")[1:-1]
    seen = set()
    for word, line in zip(stored, lines, strict=True):
        register = structure(line).from_buffer_copy(word.to_bytes(8, "little"))
        for name, _, bits in type(register)._fields_:
            if not name.startswith("unused"):
                field = next(field for field in FIELDS if field.name == name)
                value = getattr(layer, name) - field.plus
                assert value % (1 << bits) == getattr(register, name), name
                seen.add(name)
    assert seen == {field.name for field in FIELDS}


def test_fields_do_not_overlap():
    for register in range(REGISTERS):
        masks = [field.mask for field in FIELDS if field.register == register]
        assert sum(masks) == np.bitwise_or.reduce(np.array(masks, np.uint64))


def test_a_value_that_does_not_fit_is_named():
    plain = LayerRegisters.decode([0] * REGISTERS)
    too_much = {field.name: getattr(plain, field.name) for field in FIELDS} | {"arg_x": 2**23}
    with pytest.raises(ValueError, match="arg_x=8388608 does not fit: -8388608 to 8388607"):
        LayerRegisters(**too_much).encode()


@pytest.mark.parametrize(
    ("name", "value", "bounds"),
    [
        ("in_channels", 1025, "1 to 1024"),
        ("in_channels", 0, "1 to 1024"),
        ("shift_x", 16, "0 to 15"),
    ],
)
def test_the_bounds_of_a_value_are_those_that_are_taken(name, value, bounds):
    plain = LayerRegisters.decode([0] * REGISTERS)
    with pytest.raises(ValueError, match=f"{name}={value} does not fit: {bounds}$"):
        dataclasses.replace(plain, **{name: value}).encode()
    for taken in map(int, bounds.split(" to ")):
        assert (
            getattr(
                LayerRegisters.decode(dataclasses.replace(plain, **{name: taken}).encode()), name
            )
            == taken
        )


def test_known_layer():
    """The words of the first layer of `mbv1_025_128`: 3x128x128 to 8 channels, stride 2."""
    words = "0 30000000000 7000700000002 fc3f0001fc7f f0451 6c0001 0 90020100 110040"
    words += " ffff8000000000 0 7fff0fff0000"
    layer = LayerRegisters.decode([int(word, 16) for word in words.split()])
    assert (layer.source_row, layer.destination_row) == (0, 3 * 128 * 2)
    assert (layer.in_channels, layer.out_channels, layer.out_channels_per_load) == (3, 8, 8)
    assert (layer.in_width, layer.in_height, layer.out_width, layer.out_height) == (
        128,
        128,
        64,
        64,
    )
    assert (layer.kernel_type, layer.pool_type, layer.depthwise) == (1, 5, 0)
    assert (layer.loads, layer.load_bytes) == (1, 8 * 3 * 9)
    assert (layer.read_line_rows, layer.read_channel_rows) == (2, 2 * 128)
    assert (layer.arg_x, layer.arg_w, layer.shift_x) == (-128, 0, 0)
    assert (layer.dma_channel_bytes, layer.dma_total_bytes) == (64 * 64, 8 * 64 * 64)


channels = st.integers(1, 40)


@given(st.data(), channels)
def test_batch_norm_round_trip(data, count):
    def draw(low, high):
        return data.draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    columns = draw(-(2**23), 2**23 - 1), draw(-(2**31), 2**31 - 1), draw(0, 15)
    table = BatchNorm.encode(*columns)
    for found, expected in zip((table.multiplier, table.addend, table.shift), columns, strict=True):
        np.testing.assert_array_equal(found, expected)


@given(st.data())
def test_activation_table_round_trip(data):
    def draw(low, high):
        return data.draw(st.lists(st.integers(low, high), min_size=16, max_size=16))

    columns = draw(-(2**35), 2**35 - 1), draw(-(2**15), 2**15 - 1), draw(0, 255), draw(0, 255)
    raw = ActivationTable.encode(*columns).tobytes()
    assert len(raw) == 144
    table = ActivationTable.decode(np.frombuffer(raw, np.uint8))
    found = table.start, table.multiplier, table.shift, table.bias
    for column, expected in zip(found, columns, strict=True):
        np.testing.assert_array_equal(column, expected)
