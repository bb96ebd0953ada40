"""The pyramid is a tight frame at any size, moves with its picture, and is that of its peers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reference.visual_microphone.masks import Plane, angular, high, kept, low, real_angular
from reference.visual_microphone.pyramid import Bands, SteerablePyramid, most_scales

SIDES = st.integers(8, 70)
ORIENTATIONS = st.sampled_from([2, 3, 4, 6, 8])


def noise(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(sum(shape)).standard_normal(shape))


def pyramid(size, scales=None, orientations=4, decimated=True) -> SteerablePyramid:
    scales = most_scales(*size) if scales is None else scales
    return SteerablePyramid(size, scales, orientations, decimated, torch.float64)


def energy(values: torch.Tensor) -> float:
    return values.abs().square().sum().item()


@given(SIDES, SIDES, ORIENTATIONS, st.booleans())
def test_any_picture_comes_back(height, width, orientations, decimated):
    transform = pyramid((height, width), None, orientations, decimated)
    pictures = noise(2, height, width)
    assert (transform.inverse(transform(pictures)) - pictures).abs().max() <= 1e-12


@given(SIDES, SIDES, ORIENTATIONS, st.booleans())
def test_energies_of_all_bands_add_up_to_the_pictures(height, width, orientations, decimated):
    pictures = noise(1, height, width)
    bands = pyramid((height, width), None, orientations, decimated)(pictures)
    parts = (bands.highpass, bands.lowpass, *bands.oriented)
    assert sum(map(energy, parts)) == pytest.approx(energy(pictures), rel=1e-12)


@given(SIDES, SIDES, st.booleans())
def test_the_inverse_is_the_adjoint(height, width, decimated):
    transform = pyramid((height, width), None, 4, decimated)
    bands = transform(noise(1, height, width))
    rng = torch.Generator().manual_seed(0)

    def random(like: torch.Tensor) -> torch.Tensor:
        return torch.randn(like.shape, dtype=like.dtype, generator=rng)

    other = Bands(random(bands.highpass), tuple(map(random, bands.oriented)), random(bands.lowpass))
    pairs = zip(
        (bands.highpass, bands.lowpass, *bands.oriented),
        (other.highpass, other.lowpass, *other.oriented),
        strict=True,
    )
    left = sum((a * b.conj()).real.sum().item() for a, b in pairs)
    right = (noise(1, height, width) * transform.inverse(other)).sum().item()
    assert left == pytest.approx(right, rel=1e-9, abs=1e-9)


def test_single_precision_comes_back_too():
    transform = SteerablePyramid((64, 48), 3, 4)
    pictures = noise(2, 64, 48).float()
    assert (transform.inverse(transform(pictures)) - pictures).abs().max() < 1e-5


@given(SIDES, SIDES, ORIENTATIONS, st.integers(0, 4))
def test_squares_of_masks_add_up_to_one(height, width, orientations, octave):
    plane = Plane.of(height, width)
    radial = high(plane, octave) ** 2 + low(plane, octave) ** 2
    fan = sum(real_angular(plane, band, orientations) ** 2 for band in range(orientations))
    assert (radial - 1).abs().max() < 2e-15
    assert (fan - 1).abs().max() < 5e-14


@given(st.integers(20, 64), st.integers(20, 64), ORIENTATIONS)
def test_complex_bands_have_the_energy_of_real_ones(height, width, orientations):
    """Without the factor 1/√2 that is part of the frame here, they have exactly twice that."""
    plane, spectrum = Plane.of(height, width), torch.fft.fft2(noise(height, width), norm="ortho")
    radial = low(plane, 0) * high(plane, 1)
    for band in range(orientations):
        real = energy(spectrum * radial * real_angular(plane, band, orientations))
        ours = spectrum * radial * angular(plane, band, orientations)
        assert energy(ours) == pytest.approx(real, rel=1e-12)
        assert energy(math.sqrt(2) * ours) == pytest.approx(2 * real, rel=1e-12)


@given(st.integers(-40, 40), st.integers(-40, 40))
def test_a_shift_by_whole_pixels_shifts_what_is_not_decimated(down, right):
    transform, pictures = pyramid((33, 40), 2, 4, decimated=False), noise(1, 33, 40)
    moved = transform(torch.roll(pictures, (down, right), (1, 2)))
    for band, there in zip(transform(pictures).oriented, moved.oriented, strict=True):
        assert (torch.roll(band, (down, right), (2, 3)) - there).abs().max() < 1e-12


@given(st.floats(-2, 2), st.integers(9, 15))
def test_a_shift_by_parts_of_a_pixel_turns_the_phase_of_a_sine(shift, cycles):
    """By −2π f dx, everywhere alike."""
    place = torch.arange(64, dtype=torch.float64)
    turn = 2 * math.pi * cycles / 64
    pictures = torch.stack([torch.cos(turn * (place - dx)).expand(64, 64) for dx in (0, shift)])
    (bands,) = pyramid((64, 64), 1, 2).oriented(pictures)
    change = torch.angle(bands[1, 0] * bands[0, 0].conj() * np.exp(1j * turn * shift))
    assert change.abs().max() < 1e-9


@given(st.integers(1, 40), st.data())
def test_the_lowest_frequencies_are_kept(bins, data):
    fewer = data.draw(st.integers(1, bins))
    wanted = sorted(np.fft.fftfreq(bins, 1 / bins), key=lambda f: (abs(f), f))[: fewer - 1]
    found = np.fft.fftfreq(bins, 1 / bins)[kept(bins, fewer).numpy()]
    assert set(wanted) <= set(found)
    assert len(found) == fewer


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="have 2 scales"):
        SteerablePyramid((16, 40), 3)
    with pytest.raises(ValueError, match="at least 2 orientations"):
        SteerablePyramid((16, 16), 1, 1)


@pytest.mark.parametrize("size", [(64, 64), (64, 96)])
@pytest.mark.parametrize("orientations", [2, 3, 4])
def test_bands_are_those_of_pyrtools_up_to_its_scale(size, orientations):
    """It has no 1/√2, no 1/2 a scale for its smaller bands, and tables with linear steps."""
    peer = pytest.importorskip("pyrtools", reason="pyrtools is not installed")
    picture = noise(*size)
    scales = most_scales(*size)
    theirs = peer.pyramids.SteerablePyramidFreq(
        picture.numpy(), height=scales, order=orientations - 1, is_complex=True
    ).pyr_coeffs
    ours = pyramid(size, scales, orientations)(picture[None])
    for scale, bands in enumerate(ours.oriented):
        for band in range(orientations):
            expected = theirs[scale, band] / (math.sqrt(2) * 2**scale)
            error = np.abs(bands[0, band].numpy() - expected).max()
            assert error < 2e-5 * np.abs(expected).max()
    assert np.abs(ours.highpass[0].numpy() - theirs["residual_highpass"]).max() < 1e-4


@pytest.mark.parametrize("orientations", [2, 4])
def test_bands_are_those_of_plenoptics_tight_frame(orientations):
    peer = pytest.importorskip("plenoptic", reason="plenoptic is not installed")
    size, scales = (64, 64), 3
    picture = noise(*size)
    module = peer.process.SteerablePyramidFreq(
        size, height=scales, order=orientations - 1, is_complex=True, tight_frame=True
    ).double()
    theirs = module(picture[None, None])
    ours = pyramid(size, scales, orientations)(picture[None])
    for scale, bands in enumerate(ours.oriented):
        for band in range(orientations):
            found = theirs[scale, band] if (scale, band) in theirs else theirs[scale][:, :, band]
            expected = found.squeeze()
            error = (bands[0, band] - expected).abs().max()
            assert error < 2e-4 * expected.abs().max()
