"""What runs on the K210 is the trained tower and filter, layer by layer in another form."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reference.blocks.folding import fold_module
from reference.stereonet.deploy import deployed, pack_stride, unroll_leaky
from reference.stereonet.folded import WholePair, fold_filter, fold_planes, planes_to_channels
from reference.stereonet.networks import CostFilter, LeakyBlock, StereoNet, Tower
from reference.stereonet.structure import Structure
from reference.stereonet.volume import cost_volume

CLOSE = {"atol": 1e-4, "rtol": 1e-4}
seeds = st.integers(0, 2**31 - 1)
slowly = settings(max_examples=10)


def seasoned(network: nn.Module) -> nn.Module:
    """Give all norms the kind of values that a training leaves."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm3d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.3)
            nn.init.normal_(layer.running_mean, 0, 0.3)
            nn.init.uniform_(layer.running_var, 0.3, 2)
    return network.eval()


@given(seed=seeds, inputs=st.integers(1, 4), height=st.sampled_from([4, 6, 10]))
@slowly
@torch.no_grad()
def test_a_5x5_convolution_of_stride_2_is_two_of_3x3(seed, inputs, height):
    torch.manual_seed(seed)
    conv, maps = nn.Conv2d(inputs, 3, 5, stride=2, padding=2), torch.randn(2, inputs, height, 8)
    packed = pack_stride(conv)
    torch.testing.assert_close(packed(maps), conv(maps), **CLOSE)
    assert [layer.kernel_size for layer in packed] == [(3, 3), (3, 3)]


def test_only_such_a_convolution_can_be_packed():
    with pytest.raises(ValueError, match="only a 5x5"):
        pack_stride(nn.Conv2d(3, 3, 3, stride=2, padding=1))


@given(seed=seeds, channels=st.integers(1, 4), scale=st.sampled_from([0.25, 1.0, 4.0]))
@slowly
@torch.no_grad()
def test_a_block_is_two_convolutions_whatever_its_inputs_sign(seed, channels, scale):
    torch.manual_seed(seed)
    block = seasoned(LeakyBlock(channels))
    maps = 5 * torch.randn(2, channels, 5, 6)
    unrolled = unroll_leaky(fold_module(nn.Sequential(block))[0], scale)
    torch.testing.assert_close(unrolled(maps), block(maps), **CLOSE)


def test_norms_are_folded_first():
    with pytest.raises(ValueError, match="fold the norms"):
        unroll_leaky(LeakyBlock(2))


@given(seed=seeds, channels=st.integers(1, 5), levels=st.sampled_from([2, 3, 4]))
@slowly
@torch.no_grad()
def test_the_deployed_tower_gives_the_same(seed, channels, levels):
    torch.manual_seed(seed)
    tower = seasoned(Tower(Structure(channels, levels)))
    pictures = torch.rand(2, 3, 32, 64) * 2 - 1
    torch.testing.assert_close(deployed(tower, pictures)(pictures), tower(pictures), **CLOSE)


def test_the_deployed_tower_has_nothing_but_3x3_convolutions():
    module = deployed(Tower(Structure(2)).eval(), torch.zeros(1, 3, 32, 64))
    kinds = {type(layer) for layer in module}
    assert kinds == {nn.Conv2d, nn.LeakyReLU}
    assert {layer.kernel_size for layer in module if isinstance(layer, nn.Conv2d)} == {(3, 3)}
    assert not module.training
    assert not any(weight.requires_grad for weight in module.parameters())


@given(seed=seeds, planes=st.integers(1, 6), channels=st.integers(1, 3))
@slowly
@torch.no_grad()
def test_a_3d_convolution_folds_into_a_2d_one(seed, planes, channels):
    torch.manual_seed(seed)
    conv, volume = nn.Conv3d(channels, 2, 3, padding=1), torch.randn(2, channels, planes, 4, 5)
    found = fold_planes(conv, planes)(planes_to_channels(volume))
    torch.testing.assert_close(found, planes_to_channels(conv(volume)), **CLOSE)


def test_only_such_a_3d_convolution_folds():
    with pytest.raises(ValueError, match="3x3x3"):
        fold_planes(nn.Conv3d(1, 1, 1), 4)


@given(seed=seeds, planes=st.integers(1, 5))
@slowly
@torch.no_grad()
def test_the_folded_filter_gives_the_same_costs(seed, planes):
    torch.manual_seed(seed)
    cost_filter = seasoned(CostFilter(Structure(2)))
    volume = torch.randn(2, 2, planes, 5, 6)
    found = fold_filter(cost_filter, planes)(planes_to_channels(volume))
    torch.testing.assert_close(found, cost_filter(volume), **CLOSE)


@given(seed=seeds)
@slowly
@torch.no_grad()
def test_a_whole_pair_in_one_model_gives_the_same_costs(seed):
    torch.manual_seed(seed)
    network = seasoned(StereoNet(Structure(2, 3, 1, 32)))
    left, right = torch.rand(2, 1, 3, 32, 64) * 2 - 1
    whole = WholePair(network, torch.cat([left, right]), 32)
    expected = network.filter(cost_volume(network.tower(left), network.tower(right), 4))
    torch.testing.assert_close(whole(torch.cat([left, right], dim=2)), expected, **CLOSE)
