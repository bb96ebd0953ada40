"""Freshly compiled graphs: what they give as v5, they give as v4, and as v3 where v3 has it all."""

import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from harness.convert import convert
from harness.errors import CompileError, ConversionError
from harness.kmodel import load, save
from reference.coin_classifier.networks import MobileNetV1
from tests.conftest import timed
from tests.convert.programs import assert_same, both
from tests.simulator.graphs import small_graphs
from tests.simulator.test_differential import REFUSED, SLOW, compiled, networks, pictures

pytestmark = pytest.mark.sim

GRAPHS = small_graphs()
# v3 has one picture at a time, and no transposition, slice, product of two tensors or padding.
IN_V3 = ("pool_global_mean", "pool_max5_stride1", "residual", "linear", "concat_deep", "silu_3x3")


@pytest.mark.parametrize("name", sorted(set(GRAPHS) - REFUSED))
def test_small_graphs_convert_to_v4(name):
    module, shape = GRAPHS[name]
    _, *sides = both(load(compiled(module, shape)), inputs=[pictures(4, shape)])
    assert_same(*sides)


@pytest.mark.parametrize("name", IN_V3)
def test_small_graphs_convert_to_v3(name):
    module, shape = GRAPHS[name]
    _, *sides = both(load(compiled(module, shape)), 3, inputs=[pictures(4, shape)])
    assert_same(*sides)


@pytest.mark.parametrize("width", [0.25, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("version", [4, 3])
def test_mobilenets_convert_to_the_bit(width, version):
    torch.manual_seed(0)
    shape = 3, 128, 128
    program = load(compiled(MobileNetV1(20, width), shape))
    conversion, *sides = both(program, version, inputs=[pictures(2, shape)])
    assert_same(*sides)
    assert not conversion.inexact
    assert conversion.budget.main <= conversion.budget.source_main


@timed
def test_three_megabytes_take_a_second():
    torch.manual_seed(0)
    kmodel = compiled(MobileNetV1(20, 1.0), (3, 128, 128))
    assert len(kmodel) > 3_000_000
    times = []
    for _ in range(3):
        start = time.perf_counter()
        save(convert(load(kmodel), 4).program)
        times.append(time.perf_counter() - start)
    assert min(times) < 1


def check(drawn):
    module, shape, seed = drawn
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.data.normal_(0, 0.4, generator=generator)
    try:
        program = load(compiled(module, shape, seed))
    except CompileError:
        return  # what nncase refuses cannot be converted
    images = [pictures(3, shape)]
    _, *sides = both(program, inputs=images)
    assert_same(*sides)
    try:
        conversion, expected, found = both(program, 3, inputs=images, allow_last_bit=True)
    except ConversionError:
        return
    if not conversion.inexact:
        assert_same(expected, found)
    for one, other in zip(expected, found, strict=True):
        assert np.isfinite(other).all()
        assert one.shape == other.shape


@settings(max_examples=10, derandomize=True, **SLOW)
@given(networks())
def test_random_graphs(drawn):
    check(drawn)


@pytest.mark.slow
@pytest.mark.timeout(0)
@settings(max_examples=200, **SLOW)
@given(networks())
def test_many_random_graphs(drawn):
    check(drawn)
