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


def test_fields_do_not_overlap():
    for register in range(REGISTERS):
        masks = [field.mask for field in FIELDS if field.register == register]
        assert sum(masks) == np.bitwise_or.reduce(np.array(masks, np.uint64))


def test_a_value_that_does_not_fit_is_named():
    plain = LayerRegisters.decode([0] * REGISTERS)
    too_much = {field.name: getattr(plain, field.name) for field in FIELDS} | {"arg_x": 2**23}
    with pytest.raises(ValueError, match="arg_x=8388608 does not fit: -8388608 to 8388607"):
        LayerRegisters(**too_much).encode()


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
