"""Residual blocks: identity at zero, shape, and that norms fold away."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reference.blocks.folding import fold_module
from reference.blocks.residual import ResidualBlock


@given(channels=st.integers(1, 6), height=st.integers(1, 9), width=st.integers(1, 9))
@settings(max_examples=25)
def test_a_block_that_adds_nothing_is_the_identity(channels, height, width):
    block = ResidualBlock(channels, final_relu=False)
    with torch.no_grad():
        for weight in block.parameters():
            weight.zero_()
    features = torch.randn(2, channels, height, width)
    assert torch.equal(block(features), features)


def test_the_last_relu_is_behind_the_addition():
    torch.manual_seed(0)
    block = ResidualBlock(4)
    features = torch.randn(2, 4, 6, 6)
    with torch.no_grad():
        assert torch.equal(block(features), (features + block.body(features)).relu())
        assert (ResidualBlock(4, final_relu=False)(features) < 0).any()


@pytest.mark.parametrize(
    ("norm", "count"), [(None, 2 * (9 * 64 + 1) * 64), (nn.BatchNorm2d, 73984)]
)
def test_parameters_are_those_of_two_convolutions(norm, count):
    assert sum(weight.numel() for weight in ResidualBlock(64, norm).parameters()) == count


def test_batch_norms_fold_away():
    torch.manual_seed(0)
    block = ResidualBlock(4, nn.BatchNorm2d)
    features = torch.randn(8, 4, 6, 6)
    with torch.no_grad():
        block(features)
        block.eval()
        folded = fold_module(block)
        torch.testing.assert_close(folded(features), block(features), atol=1e-5, rtol=1e-5)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded.modules())


def test_reflection_keeps_a_constant_picture_constant():
    block = ResidualBlock(3, padding_mode="reflect", final_relu=False)
    result = block(torch.ones(1, 3, 5, 5))
    torch.testing.assert_close(result, result[..., :1, :1].expand_as(result))
