"""Parameters and multiply-accumulates, against the published table and the built network."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from reference.coin_classifier.networks import MobileNetV1
from reference.coin_classifier.structure import (
    BLOCKS,
    SIZES,
    STEM_CHANNELS,
    WIDTHS,
    batch_norm_channels,
    mac_count,
    parameter_count,
    scaled,
)

# Table of the paper for 1000 classes at 224 pixels: millions of MACs, millions of parameters.
PAPER = {1.0: (569, 4.2), 0.75: (325, 2.6), 0.5: (149, 1.3), 0.25: (41, 0.5)}
# Parameters of the released checkpoints, in millions.
RELEASED = {1.0: 4.24, 0.75: 2.59, 0.5: 1.34, 0.25: 0.47}


@pytest.mark.parametrize("width", WIDTHS)
def test_counts_are_those_of_the_paper(width):
    macs, parameters = PAPER[width]
    assert round(mac_count(width, 224, 1000) / 1e6) == macs
    assert round(parameter_count(width, 1000) / 1e6, 1) == parameters


@pytest.mark.parametrize("width", WIDTHS)
def test_released_sizes_count_a_third_number_a_batch_norm_channel(width):
    stored = parameter_count(width, 1000) + batch_norm_channels(width)
    assert round(stored / 1e6, 2) == RELEASED[width]


@pytest.mark.parametrize(("size", "millions"), [(224, 568.7), (192, 418.1), (160, 290.7)])
def test_counts_at_other_sizes(size, millions):
    assert round(mac_count(1.0, size, 1000) / 1e6, 1) == millions


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("classes", [2, 3, 1000])
def test_parameters_are_those_of_the_built_network(width, classes):
    built = sum(weight.numel() for weight in MobileNetV1(classes, width).parameters())
    assert parameter_count(width, classes) == built


@pytest.mark.parametrize("size", SIZES)
def test_macs_are_those_of_the_built_network(size):
    network = MobileNetV1(5, 0.25).eval()
    assert mac_count(0.25, size, 5) == counted_macs(network, size)


def test_batch_norm_channels_are_those_of_the_built_network():
    norms = [layer for layer in MobileNetV1(2, 0.5).modules() if isinstance(layer, nn.BatchNorm2d)]
    assert batch_norm_channels(0.5) == sum(norm.num_features for norm in norms)


@pytest.mark.parametrize("width", WIDTHS)
def test_all_channel_counts_are_multiples_of_eight(width):
    channels = [STEM_CHANNELS, *(channels for channels, _ in BLOCKS)]
    assert all(scaled(count, width) % 8 == 0 for count in channels)


@pytest.mark.parametrize("size", [96, 128, 160, 192])
def test_macs_grow_with_the_area(size):
    share = mac_count(0.25, size, 5) / mac_count(0.25, 224, 5)
    assert share == pytest.approx((size / 224) ** 2, rel=0.01)


def counted_macs(network: nn.Module, size: int) -> int:
    """Count multiply-accumulates while an image runs through."""
    counts = []

    def count(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        counts.append(output.numel() * layer.weight[0].numel())

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    with torch.no_grad():
        network(torch.zeros(1, 3, size, size))
    return sum(counts)
