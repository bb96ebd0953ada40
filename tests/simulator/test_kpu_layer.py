"""One KPU layer against Python integers, in the fast form and in the general one."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from harness.errors import SimulationError
from harness.kmodel.operations import Pooling
from harness.simulator.kpu import products
from harness.simulator.kpu.chain import shift_right
from harness.simulator.kpu.layer import KpuConv2dLayer
from harness.simulator.kpu.sums import Sums
from tests.simulator.kpu_reference import LOWEST, convolved, layer, pooled

RULES = ["nncase-0.1", "nncase-0.2"]
RAMP = ([LOWEST] + [0] * 15, [0] + [256] * 15, [0] + [16] * 15, [0] * 16)


def run(operation, x, rules="nncase-0.2", fast=True):
    module = KpuConv2dLayer(operation, rules)
    if not fast:
        module.fused = None
    return module(torch.from_numpy(x)[None])[0].numpy()


def plain(channels, multiplier=1000, shift=4, addend=0):
    return [multiplier] * channels, [addend] * channels, [shift] * channels


@st.composite
def layers(draw):
    """Draw a layer with any registers and tables, an input and a rule set."""
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    depthwise, kernel = draw(st.booleans()), draw(st.sampled_from([1, 3]))
    channels = int(rng.integers(1, 6))
    out = channels if depthwise else int(rng.integers(1, 6))
    shape = int(rng.integers(1, 3)), channels, int(rng.integers(4, 9)), int(rng.integers(4, 9))
    weights = rng.integers(0, 256, (out, 1 if depthwise else channels, kernel, kernel))
    signed = draw(st.booleans())
    factors = rng.integers(-2000 if signed else 0, 2000, 16)
    start = np.sort(rng.integers(-40000, 40000, 16)).astype(object)
    start[rng.integers(1, 16)] = start[rng.integers(1, 16)]
    start[0] = LOWEST
    table = (
        start,
        factors,
        rng.integers(0, 44, 16) % draw(st.sampled_from([12, 44])),
        (rng.integers(0, 256, 16)),
    )
    norm = (
        rng.integers(-3000 if signed else 0, 3000, out),
        rng.integers(-5000, 5000, out),
        rng.integers(0, 16, out),
    )
    operation = layer(
        weights.astype(np.uint8),
        table,
        norm,
        shape,
        depthwise=int(depthwise),
        pool_type=draw(st.integers(0, 9)),
        pad_value=int(rng.integers(0, 256)),
        arg_x=int(rng.integers(-300, 1)),
        shift_x=draw(st.sampled_from([0, 0, 3])),
        arg_w=int(rng.integers(-300, 1)),
        shift_w=draw(st.sampled_from([0, 3])),
        arg_add=int(rng.integers(-1000, 1000)),
    )
    return operation, rng.integers(0, 256, shape).astype(np.uint8), draw(st.sampled_from(RULES))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(layers())
def test_any_layer_is_that_of_python_integers(drawn):
    operation, x, rules = drawn
    expected = pooled(convolved(operation, x, rules), operation.pooling)
    for fast in (True, False):
        np.testing.assert_array_equal(run(operation, x, rules, fast), expected)


@pytest.mark.parametrize("depthwise", [0, 1])
@pytest.mark.parametrize("kind", Pooling)
def test_each_pooling_on_odd_sizes(kind, depthwise):
    """In the fast form, which layers drawn at random seldom have, with a border that counts."""
    rng = np.random.default_rng(kind)
    x = rng.integers(0, 256, (2, 4, 15, 9)).astype(np.uint8)
    weights = rng.integers(0, 256, (4, 1 if depthwise else 4, 3, 3)).astype(np.uint8)
    fields = {"pool_type": int(kind), "depthwise": depthwise, "arg_x": -128, "pad_value": 201}
    operation = layer(weights, RAMP, plain(4, 100, 8), x.shape, **fields)
    assert KpuConv2dLayer(operation, "nncase-0.2").fused is not None
    expected = pooled(convolved(operation, x, "nncase-0.2"), kind)
    assert len(np.unique(expected)) > 10
    np.testing.assert_array_equal(run(operation, x), expected)


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("channels", [7, 60])
@pytest.mark.parametrize("int8", [True, False])
def test_both_kinds_of_products_are_exact(monkeypatch, kernel, channels, int8):
    if int8 and not products.int8_is_exact():
        pytest.skip("the int8 kernels of PyTorch are not exact on this processor")
    monkeypatch.setattr(products, "int8_is_exact", lambda: int8)
    rng = np.random.default_rng(0)
    weights = rng.choice(np.array([0, 255], np.uint8), (5, channels, kernel, kernel))
    x = rng.choice(np.array([0, 255], np.uint8), (2, channels, 6, 7))
    operation = layer(weights, RAMP, plain(5, 40, 12), x.shape, arg_x=-128, pad_value=255)
    module = KpuConv2dLayer(operation, "nncase-0.2")
    assert module.fused is not None
    assert module.fused.products.int8 is int8
    np.testing.assert_array_equal(run(operation, x), run(operation, x, fast=False))


@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("depthwise", [0, 1])
@pytest.mark.parametrize("kernel", [1, 3])
def test_sums_as_matrix_products_are_those_of_convolutions(kernel, depthwise, stride):
    """On a GPU all sums are made in this way."""
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 256, (6, 1 if depthwise else 6, kernel, kernel)).astype(np.uint8)
    x = rng.integers(0, 256, (2, 6, 9, 11)).astype(np.uint8)
    operation = layer(weights, RAMP, plain(6), x.shape, depthwise=depthwise, arg_x=-100)
    sums = Sums(operation)
    windows = sums.windows(torch.from_numpy(x)).to(sums.weights.dtype)
    expected = functional.conv2d(windows, sums.weights, stride=stride, groups=sums.groups)
    found = sums._by_places(windows, sums.weights, stride)
    assert torch.equal(found, expected)
    assert torch.equal(sums._convolve(windows, sums.weights, stride), expected)


def test_sums_past_32_bits():
    x = np.full((1, 1024, 4, 4), 255, np.uint8)
    weights = np.full((1, 1024, 3, 3), 255, np.uint8)
    table = ([LOWEST, 5 * 10**9] + [1 << 34] * 14, [0, 1] + [0] * 14, [0, 25] + [0] * 14, [0] * 16)
    operation = layer(weights, table, plain(1, 1, 0), x.shape, pad_value=255, arg_add=9 * 10**6)
    total = 1024 * (9 * 255 * 255 + 9 * 10**6)
    assert total > 1 << 33
    assert (run(operation, x) == round((total - 5 * 10**9) / (1 << 25))).all()


@pytest.mark.parametrize(
    ("value", "shift", "older", "newer"),
    [
        (5, 2, 1, 1),
        (6, 2, 2, 2),
        (10, 2, 3, 2),
        (-5, 2, -3, -3),
        (-6, 2, -3, -2),
        (-7, 2, -2, -2),
        (-33, 3, -6, -6),
        (-4, 2, -1, -1),
        (7, 0, 7, 7),
        (3 << 42, 43, 2, 2),
        (1 << 42, 43, 1, 0),
    ],
)
def test_rounding_is_the_vendors_and_not_the_mathematicians(value, shift, older, newer):
    found = [int(shift_right(torch.tensor(value), torch.tensor(shift), rules)) for rules in RULES]
    assert found == [older, newer]


def test_the_rule_sets_disagree_at_a_start():
    x = np.full((1, 1, 4, 4), 10, np.uint8)
    table = ([LOWEST, 10] + [1 << 34] * 14, [0] * 16, [0] * 16, [1, 2] + [0] * 14)
    operation = layer(np.ones((1, 1, 1, 1), np.uint8), table, plain(1, 1, 0), x.shape)
    assert {rules: int(run(operation, x, rules)[0, 0, 0, 0]) for rules in RULES} == {
        "nncase-0.1": 2,
        "nncase-0.2": 1,
    }


def test_of_equal_starts_the_highest_index_wins():
    x = np.full((1, 1, 4, 4), 10, np.uint8)
    table = ([LOWEST, 3, 3, 3] + [1 << 34] * 12, [0] * 16, [0] * 16, [1, 2, 3, 4] + [0] * 12)
    operation = layer(np.ones((1, 1, 1, 1), np.uint8), table, plain(1, 1, 0), x.shape)
    for fast in (True, False):
        assert (run(operation, x, fast=fast) == 4).all()


@pytest.mark.parametrize(
    ("registers", "message"),
    [
        ({"bypass_convolution": 1}, "pooling without convolution"),
        ({"pad_type": 1}, "pad type 1"),
        ({"bits": np.uint16}, "16-bit weights"),
    ],
)
def test_what_is_not_known_is_refused_by_name(registers, message):
    bits = registers.pop("bits", np.uint8)
    operation = layer(np.ones((1, 1, 1, 1), bits), RAMP, plain(1), (1, 1, 4, 4), **registers)
    with pytest.raises(SimulationError, match=f"{message} at layer 00_kpu_conv2d.*nncase"):
        KpuConv2dLayer(operation, "nncase-0.2")
