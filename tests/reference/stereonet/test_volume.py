"""Cost volume and soft arg min: every invariant of theirs, and the traps around them."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reference.stereonet.networks import StereoNet
from reference.stereonet.structure import Structure
from reference.stereonet.volume import cost_volume, soft_argmin, upsample

seeds = st.integers(0, 2**31 - 1)


def column(values) -> torch.Tensor:
    """Return costs by plane as a volume of one cell."""
    return torch.as_tensor(values, dtype=torch.float64).view(1, -1, 1, 1)


def costs(seed: int, planes: int, spread: float = 3.0) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    return spread * torch.randn(2, planes, 3, 4, generator=stream, dtype=torch.float64)


def features(seed: int, width: int = 12) -> torch.Tensor:
    return torch.randn(1, 3, 4, width, generator=torch.Generator().manual_seed(seed))


@given(planes=st.integers(2, 24), sharpness=st.floats(0, 60), data=st.data())
def test_a_single_low_cost_is_found(planes, sharpness, data):
    place = data.draw(st.integers(0, planes - 1))
    volume = torch.full((planes,), sharpness, dtype=torch.float64)
    volume[place] = 0
    found = soft_argmin(column(volume)).item()
    assert abs(found - place) <= planes * (planes - 1) / 2 * math.exp(-sharpness) + 1e-9


@given(planes=st.integers(1, 40), value=st.floats(-50, 50))
def test_equal_costs_give_the_middle(planes, value):
    assert soft_argmin(column([value] * planes)).item() == pytest.approx((planes - 1) / 2)


@given(seed=seeds, planes=st.integers(1, 20), constant=st.floats(-100, 100))
def test_a_constant_on_all_costs_changes_nothing(seed, planes, constant):
    volume = costs(seed, planes)
    torch.testing.assert_close(soft_argmin(volume + constant), soft_argmin(volume))


@given(seed=seeds, planes=st.integers(1, 20), spread=st.floats(0, 100))
def test_what_is_found_lies_among_the_planes(seed, planes, spread):
    found = soft_argmin(costs(seed, planes, spread))
    assert found.shape == (2, 1, 3, 4)
    assert found.min() >= 0
    assert found.max() <= planes - 1 + 1e-9


@given(seed=seeds, planes=st.integers(1, 20))
def test_reversed_costs_give_the_reversed_place(seed, planes):
    volume = costs(seed, planes)
    torch.testing.assert_close(soft_argmin(volume.flip(1)), planes - 1 - soft_argmin(volume))


@given(seed=seeds, shift=st.integers(0, 8))
def test_shifted_costs_give_the_shifted_place(seed, shift):
    inner = torch.rand(4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    volume = torch.full((16,), 80.0, dtype=torch.float64)
    volume[2:6] = inner
    found = soft_argmin(column(volume.roll(shift))).item()
    assert found == pytest.approx(soft_argmin(column(volume)).item() + shift)


@given(place=st.integers(0, 10), low=st.floats(-5, 5))
def test_two_equal_low_costs_give_the_place_between(place, low):
    volume = torch.full((12,), low + 80, dtype=torch.float64)
    volume[[place, place + 1]] = low
    assert soft_argmin(column(volume)).item() == pytest.approx(place + 0.5)


@given(seed=seeds, planes=st.integers(2, 20))
def test_sharpened_costs_give_the_arg_min(seed, planes):
    volume = costs(seed, planes)
    lowest = volume.sort(dim=1).values
    sharpness = 60 / (lowest[:, 1] - lowest[:, 0]).clamp(min=1e-9).unsqueeze(1)
    found = soft_argmin(sharpness * volume)
    torch.testing.assert_close(found, volume.argmin(1, keepdim=True).double())


def test_low_costs_win_not_high_ones():
    """The trap of the sign: softmax(+C) would find plane 5."""
    volume = torch.zeros(8)
    volume[2], volume[5] = -20.0, 20.0
    assert soft_argmin(column(volume)).item() == pytest.approx(2, abs=1e-6)


@pytest.mark.parametrize("planes", [2, 4, 24, 32])
def test_planes_are_one_apart_whatever_their_number(planes):
    """The trap of linspace(0, D, planes), whose step is D / (planes − 1)."""
    for place in range(planes):
        volume = torch.full((planes,), 60.0)
        volume[place] = 0
        assert soft_argmin(column(volume)).item() == pytest.approx(place, abs=1e-6)


PLANES, CELLS = 4, 10


def hand_made(levels: int) -> StereoNet:
    """Return a network without learning: means of cells, compared by their squares."""
    structure = Structure(1, levels, refiners=1, disparities=PLANES * 2**levels)
    network = StereoNet(structure).eval()
    network.tower = nn.AvgPool2d(structure.scale)

    class Squares(nn.Module):
        def forward(self, volume):
            return 1e6 * (volume**2).mean(1)

    network.filter = Squares()
    return network


def shifted(seed: int, cell: int, shift: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a left picture and a right one in which all is `shift` cells further left.

    Cells are of one colour, and no two of them of the same.
    """
    stream, count = torch.Generator().manual_seed(seed), 2 * (CELLS + PLANES)
    colours = torch.stack([torch.randperm(count, generator=stream) / count for _ in range(3)])
    whole = colours.view(1, 3, 2, -1).repeat_interleave(cell, 2).repeat_interleave(cell, 3)
    return whole[..., : CELLS * cell], whole[..., shift * cell : (CELLS + shift) * cell]


@pytest.mark.parametrize("levels", [3, 4])
@given(seed=seeds, shift=st.integers(0, PLANES - 1))
@settings(max_examples=15)
@torch.no_grad()
def test_disparities_are_pixels_of_the_picture_at_every_level(levels, seed, shift):
    """The trap of the unit: without times 2ᴷ a shift of 2ᴷ pixels would read 1."""
    cell = 2**levels
    coarse, fine = hand_made(levels)(*shifted(seed, cell, shift))
    assert coarse.shape == (1, 1, 2, CELLS)
    assert fine.shape == (1, 1, 2 * cell, CELLS * cell)
    # Cells further left lack some of their planes.
    known = coarse[..., PLANES - 1 :]
    torch.testing.assert_close(known, torch.full_like(known, shift * cell), atol=1e-3, rtol=0)
    inner = fine[..., PLANES * cell :]
    torch.testing.assert_close(inner, torch.full_like(inner, shift * cell), atol=1e-3, rtol=0)


@given(seed=seeds, shift=st.integers(0, PLANES - 2))
@settings(max_examples=15)
@torch.no_grad()
def test_a_cell_more_of_shift_is_a_plane_more(seed, shift):
    network, cell = hand_made(3), 8
    fewer, more = (network(*shifted(seed, cell, one))[0] for one in (shift, shift + 1))
    difference = ((more - fewer) / network.structure.scale)[..., PLANES - 1 :]
    torch.testing.assert_close(difference, torch.ones_like(difference), atol=1e-4, rtol=0)


@given(seed=seeds)
def test_equal_pictures_have_nothing_in_plane_zero(seed):
    one = features(seed)
    assert cost_volume(one, one, 5)[:, :, 0].abs().max() == 0


@given(seed=seeds, shift=st.integers(0, 6))
def test_a_shift_empties_its_plane(seed, shift):
    whole = features(seed, 20)
    left, right = whole[..., :12], whole[..., shift : 12 + shift]
    volume = cost_volume(left, right, 8)
    assert volume[:, :, shift, :, shift:].abs().max() == 0


@given(seed=seeds, planes=st.integers(1, 16))
def test_planes_are_differences_and_zero_where_nothing_lies(seed, planes):
    left, right = features(seed), features(seed + 1)
    volume = cost_volume(left, right, planes)
    assert volume.shape == (1, 3, planes, 4, 12)
    for d in range(planes):
        assert volume[:, :, d, :, :d].abs().sum() == 0
        for x in range(d, 12):
            assert torch.equal(volume[:, :, d, :, x], left[..., x] - right[..., x - d])


@given(seed=seeds, planes=st.integers(1, 8))
def test_the_right_volume_is_the_left_one_seen_from_there(seed, planes):
    left, right = features(seed), features(seed + 1)
    of_left = cost_volume(left, right, planes)
    of_right = cost_volume(left, right, planes, "right")
    for d in range(planes):
        kept = 12 - d
        assert torch.equal(of_right[:, :, d, :, :kept], -of_left[:, :, d, :, d:])
        assert of_right[:, :, d, :, kept:].abs().sum() == 0


@given(seed=seeds, scale=st.integers(1, 4))
def test_upsampling_keeps_the_unit(seed, scale):
    one = features(seed)
    found = upsample(one, (4 * scale, 12 * scale))
    assert found.max() <= one.max() + 1e-6
    assert found.min() >= one.min() - 1e-6
    constant = torch.full((1, 1, 3, 5), 7.5)
    assert torch.equal(upsample(constant, (6, 10)), torch.full((1, 1, 6, 10), 7.5))
