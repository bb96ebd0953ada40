"""The networks: the paper's sizes, shapes at any width, and what refinement cannot do."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from harness.errors import DataError
from reference.stereonet.networks import LeakyBlock, Refiner, StereoNet, Tower
from reference.stereonet.settings import Settings
from reference.stereonet.structure import (
    Structure,
    filter_parameters,
    parameters,
    refiner_parameters,
    tower_macs,
    tower_parameters,
)
from reference.stereonet.volume import upsample

seeds = st.integers(0, 2**31 - 1)
structures = st.builds(
    lambda channels, levels, multi: Structure(channels, levels, levels if multi else 1, 32),
    st.integers(1, 5),
    st.sampled_from([2, 3, 4]),
    st.booleans(),
)


def count(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


@pytest.mark.parametrize(
    ("levels", "refiners", "published"),
    [(3, 1, 398_978), (3, 3, 624_644), (4, 1, 424_610), (4, 3, 650_276)],
)
def test_the_papers_size_has_the_published_number_of_weights(levels, refiners, published):
    structure = Structure(levels=levels, refiners=refiners)
    assert parameters(structure) == published
    assert count(StereoNet(structure)) == published


def test_the_parts_have_the_published_numbers():
    network = StereoNet(Structure())
    assert count(network.tower) == tower_parameters(Structure()) == 174_304
    assert count(network.filter) == filter_parameters(Structure()) == 111_841
    assert count(network.refiners[0]) == refiner_parameters(Structure()) == 112_833


@given(structure=structures)
@settings(max_examples=15)
def test_the_arithmetic_holds_at_every_width(structure):
    network = StereoNet(structure)
    assert count(network) == parameters(structure)
    assert count(network.tower) == tower_parameters(structure)


def test_macs_are_those_that_the_layers_compute():
    structure, found = Structure(channels=4), 0

    def add(conv, _, made):
        nonlocal found
        found += conv.weight.numel() * made.shape[2] * made.shape[3]

    tower = Tower(structure)
    for layer in tower.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(add)
    tower(torch.zeros(1, 3, 32, 64))
    assert tower_macs(structure, 32, 64) == found


def test_settings_name_the_papers_sizes():
    assert Settings(width=1, levels=3).structure == Structure(32, 3, 3, 32)
    assert Settings(width=1, levels=3, refinement="single").structure == Structure(32, 3, 1, 32)
    assert Settings(width=1, levels=4).structure == Structure(32, 4, 4, 32)


@given(structure=structures, seed=seeds)
@settings(max_examples=10)
@torch.no_grad()
def test_levels_double_up_to_the_picture(structure, seed):
    torch.manual_seed(seed)
    network, left, right = StereoNet(structure).eval(), *torch.rand(2, 1, 3, 32, 64)
    levels = network(left, right)
    assert len(levels) == structure.refiners + 1
    assert levels[0].shape == (1, 1, 32 // structure.scale, 64 // structure.scale)
    assert levels[-1].shape == (1, 1, 32, 64)
    if structure.refiners == structure.levels:
        assert [level.shape[3] for level in levels] == [
            64 >> number for number in reversed(range(structure.levels + 1))
        ]
    assert min(float(level.min()) for level in levels) >= 0


@given(seed=seeds, height=st.sampled_from([8, 12]), width=st.sampled_from([8, 20]))
@settings(max_examples=20)
@torch.no_grad()
def test_refinement_with_a_zero_end_is_bilinear_upsampling(seed, height, width):
    torch.manual_seed(seed)
    refiner = Refiner(Structure(channels=3)).eval()
    disparity, colours = 30 * torch.rand(2, 1, 4, 5), torch.rand(2, 3, height, width) * 2 - 1
    assert torch.equal(refiner(disparity, colours), upsample(disparity, (height, width)))
    nn.init.normal_(refiner.last.weight)
    moved = refiner(disparity, colours)
    assert not torch.equal(moved, upsample(disparity, (height, width)))
    assert moved.min() >= 0


@given(seed=seeds)
@settings(max_examples=20)
@torch.no_grad()
def test_both_pictures_go_through_the_same_weights(seed):
    torch.manual_seed(seed)
    network, left, right = StereoNet(Structure(2)).eval(), *torch.rand(2, 1, 3, 16, 32)
    one, other = network.tower(torch.cat([left, right])).chunk(2)
    swapped_one, swapped_other = network.tower(torch.cat([right, left])).chunk(2)
    torch.testing.assert_close(one, swapped_other)
    torch.testing.assert_close(other, swapped_one)


@torch.no_grad()
def test_the_right_disparity_is_the_left_one_of_mirrored_pictures():
    """With a filter that knows no left and right, the two sides are mirror images."""
    torch.manual_seed(0)
    network = StereoNet(Structure(2, 3, 1, 32)).eval()

    class Squares(nn.Module):
        def forward(self, volume):
            return (volume**2).sum(1)

    network.filter = Squares()
    left, right = torch.rand(2, 1, 2, 4, 8)
    of_right = network.coarse(left, right, "right")
    of_mirrored = network.coarse(right.flip(-1), left.flip(-1))
    torch.testing.assert_close(of_right, of_mirrored.flip(-1))


def test_every_block_adds_to_its_input():
    block = LeakyBlock(2, dilation=4).eval()
    nn.init.zeros_(block.body[4].weight)
    x = torch.randn(1, 2, 9, 9)
    torch.testing.assert_close(block(x), nn.functional.leaky_relu(x, 0.2))


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        ((1, 3, 30, 64), (1, 3, 30, 64), "cannot be halved"),
        ((1, 3, 32, 64), (1, 3, 32, 72), "the right ones"),
        ((1, 1, 32, 64), (1, 1, 32, 64), "the left pictures are"),
    ],
)
def test_pairs_that_fit_no_network_are_refused(left, right, said):
    with pytest.raises(DataError, match=said):
        StereoNet(Structure(1))(torch.zeros(left), torch.zeros(right))
