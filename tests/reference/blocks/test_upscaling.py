"""Layers rewritten: the same results to float rounding."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reference.blocks.upscaling import (
    SplitLinear,
    covering_as_linear,
    fold_transposed,
    spreading_as_linear,
)
from tests.reference.blocks.test_folding import trained_norm

seeds = st.integers(0, 2**31 - 1)
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def doubling(inputs: int, outputs: int, bias: bool = True) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 3, 2, padding=1, output_padding=1, bias=bias)


@given(seed=seeds, kernel=st.integers(1, 5), bias=st.booleans())
@settings(max_examples=20)
def test_spreading_a_code_is_linear(seed, kernel, bias):
    torch.manual_seed(seed)
    conv = nn.ConvTranspose2d(6, 3, kernel, bias=bias)
    codes = torch.randn(4, 6)
    spread = spreading_as_linear(conv)(codes).view(4, 3, kernel, kernel)
    torch.testing.assert_close(spread, conv(codes[..., None, None]), **CLOSE)


@given(seed=seeds, side=st.integers(1, 5), bias=st.booleans())
@settings(max_examples=20)
def test_covering_a_map_is_linear(seed, side, bias):
    torch.manual_seed(seed)
    conv = nn.Conv2d(3, 7, side, bias=bias)
    features = torch.randn(4, 3, side, side)
    torch.testing.assert_close(
        covering_as_linear(conv)(features.flatten(1)), conv(features).flatten(1), **CLOSE
    )


@given(seed=seeds, outputs=st.integers(1, 40), most=st.integers(1, 16))
@settings(max_examples=20)
def test_a_split_layer_is_the_whole_one(seed, outputs, most):
    torch.manual_seed(seed)
    whole = nn.Linear(5, outputs)
    split = SplitLinear(whole, most)
    values = torch.randn(3, 5)
    torch.testing.assert_close(split(values), whole(values), **CLOSE)
    assert max(part.out_features for part in split.parts) <= most


@given(seed=seeds, bias=st.booleans())
@settings(max_examples=20)
def test_a_norm_behind_folds_in(seed, bias):
    torch.manual_seed(seed)
    conv, norm = doubling(4, 6, bias), trained_norm(nn.BatchNorm2d(6))
    features = torch.randn(2, 4, 5, 5)
    torch.testing.assert_close(fold_transposed(conv, norm)(features), norm(conv(features)), **CLOSE)


def test_a_norm_without_statistics_is_refused():
    with pytest.raises(ValueError, match="running statistics"):
        fold_transposed(doubling(2, 2), nn.BatchNorm2d(2, track_running_stats=False))
