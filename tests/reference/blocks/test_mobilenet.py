"""Padding and depthwise identities of the MobileNet block."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from reference.blocks.mobilenet import BATCH_NORM_EPS, conv_bn, separable_conv

seeds = st.integers(0, 2**31 - 1)
sides = st.integers(2, 12)


def ours(images: Tensor, kernel: Tensor) -> Tensor:
    """Convolve at stride 2 as our block does, without norm and activation."""
    conv = conv_bn(kernel.shape[1], kernel.shape[0], kernel=3, stride=2)[0].double()
    with torch.no_grad():
        conv.weight.copy_(kernel)
        return conv(images)


def tensorflow_same(images: Tensor, kernel: Tensor) -> Tensor:
    """Convolve at stride 2 with TensorFlow's SAME: an even side is padded at its far end only."""
    top, left = (side % 2 for side in images.shape[-2:])
    return F.conv2d(F.pad(images, (left, 1, top, 1)), kernel, stride=2)


def random_case(seed: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(seed)
    return (
        torch.randn(1, 2, height, width, dtype=torch.float64),
        torch.randn(3, 2, 3, 3, dtype=torch.float64),
    )


@given(seed=seeds, height=sides, width=sides)
@settings(max_examples=40, deadline=None)
def test_on_even_maps_symmetric_padding_is_same_padding_mirrored(seed, height, width):
    images, kernel = random_case(seed, 2 * height, 2 * width)
    mirrored = tensorflow_same(images.flip(2, 3), kernel.flip(2, 3)).flip(2, 3)
    torch.testing.assert_close(ours(images, kernel), mirrored, atol=1e-12, rtol=0)


@given(seed=seeds, height=sides, width=sides)
@settings(max_examples=40, deadline=None)
def test_on_even_maps_symmetric_padding_is_same_padding_one_pixel_on(seed, height, width):
    images, kernel = random_case(seed, 2 * height, 2 * width)
    shifted = F.pad(images, (1, -1, 1, -1))
    same = tensorflow_same(shifted, kernel)[..., :-1, :-1]
    torch.testing.assert_close(ours(images, kernel)[..., :-1, :-1], same, atol=1e-12, rtol=0)


@given(seed=seeds, height=sides, width=sides)
@settings(max_examples=40, deadline=None)
def test_on_odd_maps_symmetric_padding_is_same_padding(seed, height, width):
    images, kernel = random_case(seed, 2 * height - 1, 2 * width - 1)
    torch.testing.assert_close(
        ours(images, kernel), tensorflow_same(images, kernel), atol=1e-12, rtol=0
    )


@pytest.mark.parametrize("side", [224, 192, 160, 128, 96])
def test_stride_two_halves_the_published_sides(side):
    assert conv_bn(3, 4, kernel=3, stride=2)(torch.zeros(1, 3, side, side)).shape[-1] == side // 2


def test_pointwise_convolution_pads_nothing():
    assert conv_bn(3, 4, kernel=1)[0].padding == (0, 0)


def test_depthwise_convolution_filters_each_channel_alone():
    torch.manual_seed(0)
    depthwise = separable_conv(6, 4)[0][0]
    images = torch.randn(2, 6, 8, 8)
    alone = [
        F.conv2d(images[:, [channel]], depthwise.weight[[channel]], padding=1)
        for channel in range(6)
    ]
    torch.testing.assert_close(depthwise(images), torch.cat(alone, dim=1))


def test_depthwise_then_pointwise_is_a_full_convolution_of_rank_one_kernels():
    torch.manual_seed(0)
    block = separable_conv(6, 4)
    depthwise, pointwise = block[0][0], block[1][0]
    full = pointwise.weight * depthwise.weight.transpose(0, 1)
    assert full.shape == (4, 6, 3, 3)
    images = torch.randn(2, 6, 8, 8)
    torch.testing.assert_close(
        pointwise(depthwise(images)), F.conv2d(images, full, padding=1), atol=1e-5, rtol=1e-5
    )


def test_batch_norms_have_tensorflows_epsilon():
    norms = [layer for layer in separable_conv(6, 4).modules() if isinstance(layer, nn.BatchNorm2d)]
    assert [norm.eps for norm in norms] == [BATCH_NORM_EPS] * 2 == [1e-3] * 2
