"""Folded convolutions give what the unfolded layers gave."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reference.blocks.folding import fold_batch_norm, fold_input_scaling, fold_module
from reference.blocks.mobilenet import conv_bn, separable_conv

seeds = st.integers(0, 2**31 - 1)


def trained_norm(norm: nn.BatchNorm2d) -> nn.BatchNorm2d:
    """Give a batch norm the kind of values that a training leaves."""
    nn.init.uniform_(norm.weight, -2, 2)
    nn.init.normal_(norm.bias)
    nn.init.normal_(norm.running_mean)
    nn.init.uniform_(norm.running_var, 0.05, 4)
    return norm.eval()


@given(
    seed=seeds,
    groups=st.sampled_from([1, 2, 4]),
    bias=st.booleans(),
    stride=st.sampled_from([1, 2]),
    affine=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_folded_batch_norm_equals_the_two_layers(seed, groups, bias, stride, affine):
    torch.manual_seed(seed)
    conv = nn.Conv2d(4, 8, 3, stride, 1, groups=groups, bias=bias)
    norm = nn.BatchNorm2d(8, affine=affine).eval()
    if affine:
        trained_norm(norm)
    images = torch.randn(2, 4, 9, 8)
    folded = fold_batch_norm(conv, norm)
    torch.testing.assert_close(folded(images), norm(conv(images)), atol=1e-5, rtol=1e-5)


def test_batch_norm_without_statistics_is_refused():
    norm = nn.BatchNorm2d(8, track_running_stats=False)
    with pytest.raises(ValueError, match="running statistics"):
        fold_batch_norm(nn.Conv2d(4, 8, 3), norm)


@given(seed=seeds, scale=st.floats(0.1, 3), shift=st.floats(-2, 2))
@settings(max_examples=40, deadline=None)
def test_folded_input_scaling_is_exact_away_from_the_border(seed, scale, shift):
    torch.manual_seed(seed)
    conv = nn.Conv2d(3, 5, 3, padding=1)
    images = torch.rand(2, 3, 8, 8)
    inside = (..., slice(1, -1), slice(1, -1))
    folded = fold_input_scaling(conv, scale, shift)(images)
    torch.testing.assert_close(
        folded[inside], conv(scale * images + shift)[inside], atol=1e-5, rtol=1e-5
    )


def test_folded_input_scaling_differs_at_the_border_when_it_shifts():
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 5, 3, padding=1)
    images = torch.rand(1, 3, 8, 8)
    difference = (fold_input_scaling(conv, 2, -1)(images) - conv(2 * images - 1)).abs()
    assert difference[..., 0, :].max() > 0.01
    assert difference[..., 1:-1, 1:-1].max() < 1e-5


def test_pure_scaling_is_exact_everywhere():
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 5, 3, stride=2, padding=1)
    images = torch.randint(0, 256, (2, 3, 8, 8)).float()
    torch.testing.assert_close(fold_input_scaling(conv, 1 / 255, 0)(images), conv(images / 255))


@given(seed=seeds, stride=st.sampled_from([1, 2]))
@settings(max_examples=20, deadline=None)
def test_folded_module_keeps_its_outputs_and_loses_its_norms(seed, stride):
    torch.manual_seed(seed)
    module = nn.Sequential(conv_bn(3, 4, 3, 2), separable_conv(4, 8, stride)).eval()
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            trained_norm(layer)
    images = torch.rand(2, 3, 16, 16)
    folded = fold_module(module)
    torch.testing.assert_close(folded(images), module(images), atol=1e-5, rtol=1e-5)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded.modules())
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in module.modules())
