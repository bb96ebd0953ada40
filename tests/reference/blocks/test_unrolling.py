"""Unrolled residual blocks: the same function wherever nothing is negative, and no addition."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reference.blocks.residual import ResidualBlock
from reference.blocks.unrolling import unroll_module, unroll_residual


@given(
    channels=st.integers(1, 9),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    seed=st.integers(0, 1000),
    power=st.integers(-4, 4),
)
@settings(max_examples=30)
def test_an_unrolled_block_is_the_same_function(channels, height, width, seed, power):
    torch.manual_seed(seed)
    block = ResidualBlock(channels).double()
    features = torch.relu(torch.randn(2, channels, height, width, dtype=torch.float64))
    unrolled = unroll_residual(block, 2.0**power)
    torch.testing.assert_close(unrolled(features), block(features), atol=1e-12, rtol=1e-12)


def test_below_zero_it_is_another_one():
    torch.manual_seed(0)
    block = ResidualBlock(2)
    features = -torch.ones(1, 2, 4, 4)
    assert not torch.allclose(unroll_residual(block)(features), block(features))


def test_a_module_is_unrolled_as_a_copy_in_evaluation_mode():
    torch.manual_seed(0)
    module = nn.Sequential(nn.ReLU(), nn.Sequential(ResidualBlock(3), ResidualBlock(3)))
    images = torch.randn(2, 3, 5, 6)
    unrolled = unroll_module(module, images)
    torch.testing.assert_close(unrolled(images), module(images))
    assert module.training
    assert not any(one.training for one in unrolled.modules())
    assert not any(isinstance(one, ResidualBlock) for one in unrolled.modules())
    assert sum(isinstance(one, ResidualBlock) for one in module.modules()) == 2
    with torch.no_grad():
        next(module.parameters()).fill_(9)
    assert not (next(unrolled.parameters()) == 9).all()


@pytest.mark.parametrize(
    "block",
    [
        ResidualBlock(2, nn.BatchNorm2d),
        ResidualBlock(2, final_relu=False),
        ResidualBlock(2, padding_mode="reflect"),
    ],
    ids=["norm", "no ReLU", "reflected"],
)
def test_other_blocks_are_refused(block):
    with pytest.raises(ValueError, match="unrolled"):
        unroll_residual(block)


@pytest.mark.parametrize(("gain", "scale"), [(1.0, 1.0), (4.0, 4.0), (0.1, 0.125)])
def test_the_halves_of_a_map_are_balanced(gain, scale):
    block = ResidualBlock(1)
    with torch.no_grad():
        block.body[0].weight.zero_()
        block.body[0].weight[0, 0, 1, 1] = gain
        block.body[0].bias.zero_()
    images = torch.rand(1, 1, 4, 4)
    (unrolled,) = unroll_module(nn.Sequential(block), images)
    passed_on = unrolled[0].weight[1, 0, 1, 1]
    assert passed_on.item() == scale


def test_examples_without_any_light_balance_nothing():
    module = nn.Sequential(nn.ReLU(), ResidualBlock(2))
    unrolled = unroll_module(module, torch.zeros(1, 2, 4, 4))
    images = torch.rand(1, 2, 4, 4)
    torch.testing.assert_close(unrolled(images), module(images))
