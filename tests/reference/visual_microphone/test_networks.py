"""The 3x3 filters: nearest to the pyramid, blind to light, in quadrature, and cheap."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.visual_microphone.masks import Plane
from reference.visual_microphone.networks import QuadratureFilters, fitted_kernels, to_bands
from reference.visual_microphone.pyramid import SteerablePyramid
from reference.visual_microphone.scenes import texture
from reference.visual_microphone.structure import deployed_macs, deployed_parameters
from reference.visual_microphone.train import power_spectrum


def natural(side: int = 32) -> torch.Tensor:
    """The power spectrum of photographs: 1/f²."""
    radius = Plane.of(side, side).radius
    radius[0, 0] = radius[0, 1]
    return radius**-2


def filters_of(kernels: torch.Tensor) -> QuadratureFilters:
    network = QuadratureFilters()
    network.conv.weight.data = kernels
    return network.requires_grad_(False)


def circular(network: QuadratureFilters, pictures: torch.Tensor) -> torch.Tensor:
    wrapped = torch.nn.functional.pad(pictures, (1, 1, 1, 1), mode="circular")
    return to_bands(network(wrapped.float()))


def test_parameters_and_macs_are_counted_right():
    network = QuadratureFilters()
    assert sum(weight.numel() for weight in network.parameters()) == deployed_parameters()
    assert deployed_macs(64) == 64 * 64 * network.conv.weight.numel()


def test_bands_are_near_the_pyramids():
    """On pictures like those they are fitted to; better than by any small change of a weight."""
    pictures = torch.from_numpy(np.stack([texture(32, 32, seed) for seed in range(8)]))
    (wanted,) = SteerablePyramid((32, 32), 1, 2, dtype=torch.float64).oriented(pictures)
    kernels = fitted_kernels(torch.fft.fft2(pictures).abs().square().mean(0))

    def error(weights: torch.Tensor) -> float:
        found = circular(filters_of(weights), pictures[:, None])
        return (found - wanted).abs().square().mean().item()

    best = error(kernels)
    assert best < 0.5 * wanted.abs().square().mean().item()
    rng = torch.Generator().manual_seed(0)
    for _ in range(20):
        step = torch.randn(kernels.shape, generator=rng)
        blind = step - step.mean((2, 3), keepdim=True)
        assert error(kernels + 0.02 * blind) > best


@given(st.integers(8, 40))
@settings(max_examples=20)
def test_light_is_not_seen(side):
    kernels = fitted_kernels(natural(side))
    assert kernels.sum((2, 3)).abs().max() < 1e-4 * kernels.abs().max()


def test_real_parts_are_odd_and_imaginary_parts_even_and_one_axis_is_the_other():
    across, across_even, down, down_even = fitted_kernels(natural(32))[:, 0]
    assert torch.allclose(across, -across.flip(1), atol=1e-6)
    assert torch.allclose(across_even, across_even.flip(1), atol=1e-6)
    assert torch.allclose(down, across.T, atol=1e-6)
    assert torch.allclose(down_even, across_even.T, atol=1e-6)


@given(st.floats(1.2, 2.4), st.floats(-0.3, 0.3))
@settings(max_examples=20)
def test_a_moving_sine_turns_the_phase_the_same_way_as_in_the_pyramid(turn, shift):
    place = torch.arange(48, dtype=torch.float64)
    pictures = torch.stack([torch.cos(turn * (place - dx)).expand(48, 48) for dx in (0, shift)])
    bands = to_bands(filters_of(fitted_kernels(natural(32)))(pictures[:, None].float()))
    change = torch.angle((bands[1, 0] * bands[0, 0].conj()).sum()).item()
    assert change == pytest.approx(-turn * shift, abs=0.02 + 0.6 * abs(turn * shift))
    assert change * shift <= 1e-6


def test_the_edges_are_left_out():
    assert to_bands(torch.zeros(2, 4, 9, 7)).shape == (2, 2, 7, 5)


def test_the_spectrum_is_a_mean_of_powers_under_a_window():
    frames = np.random.default_rng(0).integers(0, 256, (6, 12, 10), dtype=np.uint8)
    each = torch.stack([power_spectrum(one[None]) for one in frames])
    assert torch.allclose(power_spectrum(frames), each.mean(0))
    assert torch.allclose(power_spectrum(frames), power_spectrum(frames[::-1].copy()))
