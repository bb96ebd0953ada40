"""What nncase writes: nothing to say of its own files, and of one flipped bit where it is."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.blame.law import MOST_JUMP, breaches
from harness.errors import KModelError
from harness.kmodel import load
from harness.kmodel.operations import KpuConv2d
from harness.kmodel.registers import FIELDS, REGISTERS
from harness.kmodel.tables import ActivationTable
from tests.blame import cases

pytestmark = pytest.mark.sim

# What follows from nothing else in the file: any value of it makes another model.
FREE = {"pool_type", "kernel_type", "depthwise"}


@pytest.fixture(scope="module")
def kmodel():
    return cases.healthy(0).kmodel


def layers(kmodel):
    return [one for one in load(kmodel).operations if isinstance(one, KpuConv2d)]


@pytest.mark.parametrize(
    "seed", [0, 1, 2, *(pytest.param(n, marks=pytest.mark.slow) for n in range(3, 20))]
)
def test_what_nncase_writes_keeps_its_law(seed):
    assert breaches(load(cases.healthy(seed).kmodel)) == []


def test_a_constant_layer_keeps_it_too():
    assert breaches(load(cases.dead(1).kmodel)) == []


@settings(max_examples=50, deadline=None)
@given(place=st.integers(0, 10), register=st.integers(0, REGISTERS - 1), bit=st.integers(0, 63))
def test_a_flipped_bit_of_a_register_is_seen(kmodel, place, register, bit):
    found = layers(kmodel)
    layer = found[place % len(found)]
    start = kmodel.find(struct.pack(f"<{REGISTERS}Q", *layer.registers.encode()), layer.offset)
    data = bytearray(kmodel)
    data[start + 8 * register + bit // 8] ^= 1 << bit % 8
    names = {one.name for one in FIELDS if one.register == register and one.mask >> bit & 1}
    try:
        told = breaches(load(bytes(data)))
    except KModelError:  # the reader refuses it
        return
    if not names & FREE:
        assert told, (layer.name, names)


def with_table(layer, **changed):
    table = layer.activation
    whole = {name: getattr(table, name) for name in ("start", "multiplier", "shift", "bias")}
    return replace(layer, activation=ActivationTable.encode(**{**whole, **changed}))


@settings(max_examples=50, deadline=None)
@given(segment=st.integers(2, 14), codes=st.integers(10, 120))
def test_a_table_that_jumps_is_told_with_its_segment(kmodel, segment, codes):
    program = load(kmodel)
    layer = layers(kmodel)[0]
    bias = layer.activation.bias.astype(int)
    bias[segment] += codes if bias[segment] < 128 else -codes
    other = with_table(layer, bias=bias)
    operations = tuple(other if one.name == layer.name else one for one in program.operations)
    (told,) = breaches(replace(program, operations=operations))
    assert told.layer == layer.name
    assert f"codes at segment {segment}" in told.text or f"at segment {segment + 1}" in told.text
    assert f"limit {MOST_JUMP:.0f}" in told.text


def test_segments_out_of_order_are_told(kmodel):
    program = load(kmodel)
    layer = layers(kmodel)[0]
    other = with_table(layer, start=layer.activation.start[::-1])
    operations = tuple(other if one.name == layer.name else one for one in program.operations)
    (told,) = breaches(replace(program, operations=operations))
    assert "do not stand in order" in told.text


def test_a_result_that_lands_where_nobody_reads_it_is_told_at_both_layers(kmodel):
    program = load(kmodel)
    layer = layers(kmodel)[0]
    moved = replace(layer.output, offset=layer.output.offset + 64 * 100)
    other = replace(layer, outputs=(moved,))
    operations = tuple(other if one.name == layer.name else one for one in program.operations)
    told = breaches(replace(program, operations=operations))
    assert (told[0].layer, told[0].text) == (layer.name, "nothing reads its result")
    assert told[1].layer == layers(kmodel)[1].name
