"""Files of version 3, written: the same bytes where the format leaves no choice, else the same."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ConversionError, HarnessError
from harness.kmodel import load, save
from harness.kmodel.difference import differences
from harness.kmodel.operations import KpuConv2d
from harness.kmodel.v3.layers import LAYERS, number
from tests.kmodel.free_bytes import parts_v3
from tests.kmodel.test_write_v4 import assert_same_behaviour
from tests.kmodel.v3_files import V3File, every_layer, registers

REAL = ["iris_v3", "mnist_v3", "yolo20_v3"]
EVERY = every_layer()


@pytest.mark.parametrize("name", REAL)
def test_files_of_nncase_0_1_are_the_same_to_the_byte(shared, name):
    """But for the last bytes of the last body, which nncase did not write in two of them."""
    data = (shared / "kmodels" / f"{name}.kmodel").read_bytes()
    program = load(data)
    written = save(program)
    assert written[: len(data)] == data
    assert written[len(data) :] in (b"", bytes(4))
    assert dict(parts_v3(written)) == dict(parts_v3(data))
    assert_same_behaviour(program, load(written))
    assert save(load(written)) == written


def test_every_layer_is_written_as_what_it_is():
    program = load(EVERY)
    written = save(program)
    again = load(written)
    assert dict(parts_v3(written)) == dict(parts_v3(EVERY))
    assert_same_behaviour(program, again)
    assert {number(op) for op in again.operations} == set(LAYERS) - {16}


def test_weights_of_16_bits():
    data = V3File(flags=0, outputs=()).conv(registers()).build()
    written = save(load(data))
    assert dict(parts_v3(written)) == dict(parts_v3(data))
    assert written[4] == 0


def test_registers_and_tables_are_aligned_as_nncase_0_1_aligned_them():
    written = save(load(EVERY))
    bodies = [op.offset for op in load(written).operations if isinstance(op, KpuConv2d)]
    for body in bodies:
        places = np.frombuffer(written, "<u4", 4, body + 8)
        assert [int(place) % by for place, by in zip(places, (8, 128, 128, 256), strict=True)] == (
            [0, 0, 0, 0]
        )


def test_the_start_address_is_the_lowest_row_of_kpu_memory():
    """As in the files of nncase 0.1, whose bytes are compared above; here without them."""
    assert np.frombuffer(save(load(EVERY)), "<u4", 1, 16)[0] == 0
    second = V3File(outputs=()).conv(registers(source_row=300, destination_row=200)).build()
    assert np.frombuffer(save(load(second)), "<u4", 1, 16)[0] == 200
    full = V3File().layer(18, 16, 0, 4, 3, 0, tail=bytes(60)).build()
    assert np.frombuffer(save(load(full)), "<u4", 1, 16)[0] == 32768


def changed(program, index, **fields):
    operations = list(program.operations)
    operations[index] = replace(operations[index], **fields)
    return replace(program, operations=tuple(operations))


def mixed(program):
    last = next(op for op in reversed(program.operations) if isinstance(op, KpuConv2d))
    wide = last.weights.astype(np.uint16)
    return changed(program, program.operations.index(last), weights=wide)


def batches(program):
    first = program.operations[0]
    two = replace(first.input, shape=(2, *first.input.shape[1:]))
    program = changed(program, 0, inputs=(two,))
    return replace(program, inputs=(replace(program.inputs[0], buffer=two),))


def sent(program):
    first = program.operations[0]
    sends = replace(first.registers, send_data_out=1)
    return changed(program, 0, registers=sends, outputs=first.outputs[:1])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (mixed, "other width"),
        (batches, "2 images"),
        (sent, "sent to nobody"),
        (lambda p: replace(p, operations=p.operations[1:]), "as first layer"),
        (lambda p: replace(p, inputs=()), "first layer's alone"),
        (lambda p: changed(p, 10, least_max=float("-inf")), "below 0"),
        (lambda p: changed(p, 10, beta=2.0), "beta 2.0"),
        (lambda p: changed(p, 2, clamp=(0.0, 6.0)), "clamped"),
        (lambda p: changed(p, 14, half_pixel_centers=True), "areas"),
    ],
)
def test_what_v3_cannot_express_is_refused_with_its_reason(change, reason):
    with pytest.raises(ConversionError, match=reason):
        save(change(load(EVERY)))


def test_every_operation_in_the_way_is_named(kmodels):
    program = replace(load(kmodels / "residual.kmodel"), version=3)
    with pytest.raises(ConversionError) as caught:
        save(program)
    known = {layer.kind for layer in LAYERS.values()}
    foreign = [op.name for op in program.operations if type(op) not in known]
    assert foreign
    assert all(name in str(caught.value) for name in foreign)


def test_layers_that_share_large_tables_are_not_copied_without_end():
    """A small file can name the same weights in each of 2000 layers."""
    file = V3File(outputs=())
    file.conv(registers(in_channels=1024, out_channels=1024, destination_row=4096))
    program = load(file.build())
    (layer,) = program.operations
    many = tuple(replace(layer, name=f"{index:02d}_kpu_conv2d") for index in range(1999))
    with pytest.raises(ConversionError, match="flash"):
        save(replace(program, operations=many))


@given(changes=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_file_is_refused_or_written_as_one_that_loads(changes):
    data = bytearray(EVERY)
    for at, value in changes:
        data[at % len(data)] = value
    try:
        program = load(bytes(data))
        written = save(program)
    except HarnessError:
        return
    again = load(written)
    assert not [one for one in differences(program, again) if one.what != "file"]
