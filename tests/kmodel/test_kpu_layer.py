"""A layer whose registers, maps and tables say different things is not written."""

from dataclasses import replace

import numpy as np
import pytest

from harness.errors import ConversionError
from harness.kmodel import load
from harness.kmodel.kpu_layer import encode_registers
from harness.kmodel.operations import KpuConv2d
from harness.kmodel.registers import LayerRegisters
from harness.kmodel.tables import BatchNorm
from tests.kmodel.v3_files import V3File, registers


def layer():
    (one,) = load(V3File().conv(registers(depthwise=0, out_channels=6)).build()).operations
    assert isinstance(one, KpuConv2d)
    return one


def words(data):
    return np.frombuffer(data, "<u8").tolist()


def test_registers_say_where_maps_and_tables_lie():
    found = LayerRegisters.decode(words(encode_registers(layer(), 1, 2, 3)))
    assert (found.source_row, found.destination_row) == (0, 64)
    places = found.batch_norm_address, found.activation_address, found.weights_address
    assert places == (1, 2, 3)
    plain = LayerRegisters.decode(words(encode_registers(layer())))
    assert replace(found, batch_norm_address=0, activation_address=0, weights_address=0) == plain


@pytest.mark.parametrize("more", [1, -1])
@pytest.mark.parametrize("what", ["input", "output", "weights", "batch norm"])
def test_what_the_registers_do_not_say_is_named(what, more):
    one = layer()
    count = one.registers.out_channels + more
    shapes = (1, one.registers.in_channels + more, 8, 8), (1, count, 8, 8)
    changed = {
        "input": {"inputs": (replace(one.input, shape=shapes[0]),)},
        "output": {"outputs": (replace(one.output, shape=shapes[1]),)},
        "weights": {"weights": np.zeros((count, 4, 1, 1), np.uint8)},
        "batch norm": {"batch_norm": BatchNorm(np.zeros(count, "<u8"))},
    }[what]
    with pytest.raises(ConversionError, match=f"^{what} of .*where the registers say"):
        encode_registers(replace(one, **changed))
