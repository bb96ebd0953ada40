"""Files of version 4, written: the same bytes where the format leaves no choice, else the same."""

import struct
import time
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ConversionError, HarnessError
from harness.kmodel import Memory, load, save
from harness.kmodel.difference import differences
from harness.kmodel.memory import dense, feature_map
from harness.kmodel.operations import Copy, KpuConv2d
from harness.kmodel.v4.nodes import NODES, opcode
from harness.simulator import Simulator
from tests.conftest import timed
from tests.kmodel.conftest import FOLDER
from tests.kmodel.free_bytes import parts_v4
from tests.kmodel.v4_programs import STRATEGIES, programs

OPERATIONS = np.load(FOLDER / "single_op_v4.npz")
LAYERS = np.load(FOLDER / "single_layer_fuzz_v4.npz")
SINGLE = {f"op {i}": OPERATIONS[f"model_{i:02d}"].tobytes() for i in range(54)}
SINGLE |= {f"layer {i}": LAYERS[f"model_{i:03d}"].tobytes() for i in range(100)}
REAL = ["iris_v4", "slim320_v4", "yolo20_v4"]
RESERVED = range(36, 40)


def inputs(program, fill):
    """Return one batch of inputs: random, zeros, or the greatest values."""
    rng = np.random.default_rng(4)
    for port in program.inputs:
        shape, dtype = port.buffer.shape, port.buffer.dtype.numpy
        if fill == "random":
            whole = dtype == np.uint8
            x = rng.integers(0, 256, shape) if whole else rng.standard_normal(shape)
        else:
            x = np.full(shape, {"zeros": 0, "full": 255}[fill])
        yield x.astype(dtype)


def assert_same_behaviour(program, again):
    changed = [one for one in differences(program, again) if one.what != "file"]
    assert not changed
    simulators = Simulator(program), Simulator(again)
    for fill in ("random", "zeros", "full"):
        batch = list(inputs(program, fill))
        for one, two in zip(*(s(batch).values() for s in simulators), strict=True):
            assert one.numpy().tobytes() == two.numpy().tobytes()


@pytest.mark.parametrize("name", SINGLE)
def test_small_files_written_again_say_and_do_the_same(name):
    data = SINGLE[name]
    program = load(data)
    written = save(program)
    assert dict(parts_v4(written)) == dict(parts_v4(data))
    assert_same_behaviour(program, load(written))


def test_files_of_one_operation_on_the_cpu_are_the_same_to_the_byte():
    assert all(save(load(data)) == data for name, data in SINGLE.items() if name.startswith("op"))


@pytest.mark.parametrize("name", REAL)
def test_files_of_nncase_0_2_differ_in_uninitialised_words_only(shared, name):
    """And in the end, where some lack the last bytes of the last body."""
    data = (shared / "kmodels" / f"{name}.kmodel").read_bytes()
    program = load(data)
    written = save(program)
    a, b = (np.frombuffer(one[: len(data)], np.uint8) for one in (data, written))
    free = {*RESERVED}
    for operation in program.operations:
        if operation.kind() == "pad":
            free |= {*range(operation.offset + 80, operation.offset + 84)}
    assert set(np.flatnonzero(a != b)) <= free
    assert len(written) - len(data) in (0, 4)
    assert not any(written[len(data) :])
    assert dict(parts_v4(written)) == dict(parts_v4(data))
    assert_same_behaviour(program, load(written))
    assert save(load(written)) == written


def test_tables_begin_at_multiples_of_256_in_the_file():
    for index in range(0, 100, 7):
        written = save(load(SINGLE[f"layer {index}"]))
        layer = load(written).operations[-1]
        registers = layer.registers
        at = layer.offset + 16 + 8 + 96
        norm = at + registers.batch_norm_address
        act = norm + 8 * registers.out_channels + registers.activation_address
        assert norm % 256 == act % 256 == layer.weights_offset % 256 == 0
        assert layer.weights_offset == act + 144 + registers.weights_address


def test_there_is_a_strategy_for_every_opcode():
    assert set(STRATEGIES) == set(NODES)


@pytest.mark.parametrize("number", STRATEGIES)
def test_every_operation_is_written_as_what_it_is(number):
    @given(program=programs((number,)))
    def check(program):
        again = load(save(program))
        assert {opcode(op) for op in again.operations} <= {number, 0x2001}
        assert opcode(again.operations[-1]) == number
        assert not [one for one in differences(program, again) if one.what != "file"]

    check()


@given(program=programs())
def test_programs_are_what_they_were_when_they_are_loaded_again(program):
    again = load(save(program))
    assert not [one for one in differences(program, again) if one.what != "file"]
    assert [op.name for op in again.operations] == [op.name for op in program.operations]


def test_constants_that_overlap_are_stored_once():
    program = load(SINGLE["op 49"])
    (operation,) = program.operations
    table, out = operation.inputs[1], operation.output
    half = dense(table.pool, table.offset + 64, table.dtype, (64,))
    small = replace(out, shape=(64,), strides=(1,))
    copy = Copy(name="01_copy", offset=0, inputs=(half,), outputs=(small,))
    both = replace(program, operations=(operation, copy), pools=program.pools)
    again = load(save(both))
    assert len(save(both)) == len(save(program)) + 8 + 32
    assert (again.constant(again.operations[1].input) == program.constant(half)).all()


def test_every_operation_in_the_way_is_named(kmodels):
    program = replace(load(kmodels / "residual.kmodel"), version=4)
    with pytest.raises(ConversionError) as caught:
        save(program)
    known = {node.kind for node in NODES.values()}
    foreign = [op.name for op in program.operations if type(op) not in known]
    assert len(foreign) > 3
    assert all(name in str(caught.value) for name in foreign)
    assert "kmodel v4 cannot express" in str(caught.value)


def changed(program, **fields):
    operation = replace(program.operations[-1], **fields)
    return replace(program, operations=(*program.operations[:-1], operation))


def wide(program):
    return changed(program, weights=program.operations[-1].weights.astype(np.uint16))


def far(program):
    layer = program.operations[-1]
    return changed(program, registers=replace(layer.registers, loads=65))


def outside(program):
    source, table, *more = program.operations[-1].inputs
    return changed(program, inputs=(source, replace(table, offset=300), *more))


def computed(program):
    source, weights, bias = program.operations[-1].inputs
    return changed(program, inputs=(source, replace(weights, pool=source.pool), bias))


def strided(program):
    out = program.operations[-1].output
    steps = tuple(2 * step for step in out.strides)
    return changed(program, outputs=(replace(out, strides=steps),))


def elsewhere(program):
    out = program.operations[-1].output
    pool = replace(out.pool, name="output", memory=Memory.OUTPUT)
    return changed(program, outputs=(replace(out, pool=pool),))


def ranks(program):
    source = program.operations[-1].input
    shape = (1, *source.shape)
    return changed(program, inputs=(replace(source, shape=shape, strides=(0, *source.strides)),))


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("layer 0", wide, "16-bit weights"),
        ("layer 0", far, "loads=65 does not fit"),
        ("layer 0", lambda p: changed(p, weights=p.operations[-1].weights[:-1]), "weights of"),
        ("op 49", outside, "of 400 bytes of data"),
        ("op 7", outside, "of 760 bytes of data"),
        ("op 7", computed, "not in the file"),
        ("op 12", strided, "gaps"),
        ("op 12", elsewhere, "pool 'output'"),
        ("op 12", ranks, "5 axes"),
        ("op 12", lambda p: changed(p, value=0.5), "value 0.5 among bytes"),
        ("op 10", lambda p: changed(p, scale=1e300), "beyond the range"),
        ("op 10", lambda p: changed(p, zero_point=1 << 40), "32 bits"),
        ("op 28", lambda p: changed(p, axis=0), "along axis 0"),
        ("op 26", lambda p: changed(p, half_pixel_centers=True), "half pixel"),
    ],
)
def test_what_v4_cannot_express_is_refused_with_its_reason(name, change, reason):
    with pytest.raises(ConversionError, match=reason) as caught:
        save(change(load(SINGLE[name])))
    assert load(SINGLE[name]).operations[-1].name in str(caught.value)


def test_a_file_that_could_not_be_loaded_is_not_written():
    program = load(SINGLE["op 12"])
    small = tuple(replace(pool, size=8) if pool.name == "main" else pool for pool in program.pools)
    with pytest.raises(ConversionError, match=r"can be loaded.*place of a tensor"):
        save(replace(program, pools=small))


def large(layers):
    """Return a program with a KPU layer of 512 x 64 x 9 weights, `layers` times."""
    program = load(SINGLE["layer 3"])
    (layer,) = program.operations
    out, into = 512, 64
    pool = layer.input.pool
    source, target = feature_map(pool, 0, (1, into, 4, 4)), feature_map(pool, 64, (1, out, 4, 4))
    sizes = {"in_width": 4, "in_height": 4, "out_width": 4, "out_height": 4, "pool_type": 0}
    layer = replace(
        layer,
        inputs=(source,),
        outputs=(target,),
        registers=replace(
            layer.registers,
            in_channels=into,
            out_channels=out,
            kernel_type=1,
            depthwise=0,
            source_row=0,
            destination_row=64,
            **sizes,
        ),
        weights=np.zeros((out, into, 3, 3), np.uint8),
        batch_norm=type(layer.batch_norm)(np.zeros(out, np.uint64)),
    )
    operations = tuple(replace(layer, name=f"{n:02d}_kpu_conv2d") for n in range(layers))
    port = replace(program.inputs[0], buffer=source)
    return replace(program, inputs=(port,), operations=operations)


@timed
def test_3_mb_are_written_in_a_second():
    program = large(11)
    start = time.perf_counter()
    data = save(program)
    assert time.perf_counter() - start < 1
    assert len(data) > 3 << 20


@timed
def test_a_file_larger_than_flash_is_not_even_made():
    start = time.perf_counter()
    with pytest.raises(ConversionError, match="flash"):
        save(large(1500))
    assert time.perf_counter() - start < 5


@given(
    name=st.sampled_from(sorted(SINGLE)),
    changes=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_a_damaged_file_is_refused_or_written_as_one_that_loads(name, changes):
    data = bytearray(SINGLE[name])
    for at, value in changes:
        data[at % len(data)] = value
    try:
        program = load(bytes(data))
        written = save(program)
    except HarnessError:
        return
    assert load(written).version == program.version


def test_words_of_damaged_headers():
    """Each word of a file replaced by what hurts most."""
    data = bytearray(SINGLE["layer 17"])
    for at in range(8, 256, 4):
        for value in (0, 1, 7, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF):
            kept = bytes(data[at : at + 4])
            struct.pack_into("<I", data, at, value)
            with suppress(HarnessError):
                load(save(load(bytes(data))))
            data[at : at + 4] = kept
    assert any(isinstance(op, KpuConv2d) for op in load(bytes(data)).operations)
