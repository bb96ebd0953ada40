"""Phases and what they say together: invariants of light, sign, size of motion, and weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.visual_microphone.filters import high_pass
from reference.visual_microphone.metrics import snr_db
from reference.visual_microphone.motion import phase_differences, pooled, pooled_rows
from reference.visual_microphone.pyramid import SteerablePyramid
from reference.visual_microphone.recovery import CUTOFF_HZ, combined, recover
from reference.visual_microphone.scenes import chirp, filmed, texture, vibrating

RATE = 2200.0
few = settings(max_examples=15)


def heard(frames, **options):
    return recover(frames, RATE, dtype=torch.float64, **options)


def scene(motion: float, noise: float = 0.0, side: int = 32, count: int = 120, seed: int = 0):
    frames = vibrating(texture(side, side, seed), motion * chirp(count, RATE))
    return filmed(frames, noise, seed)


@given(st.integers(16, 33), st.integers(16, 33), st.integers(0, 99))
@few
def test_a_still_video_is_silent(height, width, seed):
    still = np.repeat(texture(height, width, seed)[None], 40, 0)
    assert np.abs(heard(still).sound).max() < 1e-12


@pytest.mark.parametrize("value", [0, 255])
def test_a_video_without_texture_is_silent(value):
    assert not heard(np.full((40, 16, 16), value, np.uint8)).sound.any()


@given(st.floats(0.01, 100), st.floats(-5, 5))
@few
def test_light_and_contrast_have_no_part_in_it(gain, offset):
    frames = scene(0.1)
    assert heard(gain * frames + offset).bands == pytest.approx(heard(frames).bands, abs=1e-9)


@given(st.integers(0, 99))
@few
def test_brightness_is_in_the_lowpass_alone(seed):
    pictures = torch.from_numpy(texture(24, 24, seed))[None]
    pyramid = SteerablePyramid((24, 24), 2, 4, dtype=torch.float64)
    dark, bright = pyramid(pictures), pyramid(pictures + 0.5)
    assert (dark.highpass - bright.highpass).abs().max() < 1e-12
    for a, b in zip(dark.oriented, bright.oriented, strict=True):
        assert (a - b).abs().max() < 1e-12
    assert (dark.lowpass - bright.lowpass).abs().min() > 0.1


@given(st.integers(0, 99))
@few
def test_motion_the_other_way_is_the_sound_upside_down(seed):
    picture, sound = texture(32, 32, seed), 0.01 * chirp(120, RATE)
    there, back = (heard(vibrating(picture, sign * sound)).sound for sign in (1, -1))
    assert np.abs(there + back).max() < 2e-2 * np.abs(there).max()


def test_small_motion_is_linear_twenty_decibels_a_decade():
    """What is not linear falls with the motion: no noise, one band that looks along it."""
    wanted = high_pass(chirp(120, RATE), RATE, CUTOFF_HZ)
    films = [[scene(motion, side=64, seed=n) for motion in (0.1, 0.01, 0.001)] for n in range(6)]
    bands = [[high_pass(heard(one).bands[0], RATE, CUTOFF_HZ) for one in row] for row in films]
    levels = np.array([[snr_db(one, wanted) for one in row] for row in bands])
    assert levels[:, 0].min() > 70
    assert np.diff(levels).mean(axis=0) == pytest.approx(20, abs=6)
    assert np.diff(levels)[:, 1].mean() == pytest.approx(20, abs=2)


def test_the_phase_is_wrapped():
    bands = torch.polar(torch.ones(3, dtype=torch.float64), torch.tensor([3.0, -3, 0]).double())
    found = phase_differences(bands[:, None, None, None], bands[1].view(1, 1, 1)).flatten()
    assert found.tolist() == pytest.approx([6 - 2 * np.pi, 0, 3])


@given(st.integers(0, 99))
@few
def test_a_frames_rows_say_together_what_the_frame_says(seed):
    rng = torch.Generator().manual_seed(seed)
    bands = torch.randn(5, 2, 6, 7, dtype=torch.complex128, generator=rng)
    means, weights = pooled_rows(bands, bands[0])
    together = (means * weights).sum(-1) / weights.sum(-1)
    assert torch.allclose(together, pooled(bands, bands[0]), atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_a_flat_region_with_noise_costs_less_when_weighted_by_amplitude(seed):
    """Half of each frame shows nothing: by A² that hardly counts, by number it counts half."""
    moving = scene(0.1, side=32, seed=seed)
    flat = np.full_like(moving, 0.5)
    found = {}
    for name, frames in (("whole", moving), ("half", np.concatenate([moving, flat], axis=1))):
        pyramid = SteerablePyramid(frames.shape[1:], 1, 2, dtype=torch.float64)
        (bands,) = pyramid.oriented(torch.from_numpy(filmed(frames, 0.01, seed)))
        for weighted in (True, False):
            signal = pooled(bands, bands[0], weighted)[:, 0].numpy()
            found[name, weighted] = snr_db(
                high_pass(signal, RATE, CUTOFF_HZ), high_pass(chirp(120, RATE), RATE, CUTOFF_HZ)
            )
    losses = {w: found["whole", w] - found["half", w] for w in (True, False)}
    assert losses[True] < losses[False]
    assert found["half", True] > found["half", False]


def test_vertical_motion_is_heard_as_well_as_horizontal():
    frames = scene(0.1, 0.01)
    wanted = high_pass(chirp(120, RATE), RATE, CUTOFF_HZ)
    across, down = (snr_db(heard(one).sound, wanted) for one in (frames, frames.transpose(0, 2, 1)))
    assert across == pytest.approx(down, abs=0.5)
    assert across > 10


def test_parts_of_a_video_are_the_video():
    frames = scene(0.1, 0.01, count=150)
    parts = recover(iter([frames[:70], frames[70:]]), RATE)
    assert np.abs(parts.sound - recover(frames, RATE).sound).max() < 1e-6


def test_the_order_of_bands_does_not_matter():
    bands = heard(scene(0.1, 0.01), scales=2, orientations=4).bands
    sounds = [combined(bands[order], RATE).sound for order in (slice(None), slice(None, None, -1))]
    assert np.abs(sounds[0] - sounds[1]).max() < 1e-9
