"""Rendered scenes: the motion is what was asked for, and what is heard obeys the scaling laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.visual_microphone import scenes
from reference.visual_microphone.filters import high_pass
from reference.visual_microphone.metrics import snr_db
from reference.visual_microphone.recovery import recover

RATE, COUNT = 2200.0, 600
CHIRP = scenes.chirp(COUNT, RATE)


def heard_db(motion, noise, side=32, seed=0, tiles=1, sound=CHIRP):
    picture = np.tile(scenes.texture(side, side, 7), (tiles, tiles))
    frames = scenes.filmed(scenes.vibrating(picture, motion * sound), noise, seed)
    return snr_db(recover(frames, RATE).sound, high_pass(sound, RATE, 55))


def mean_db(*arguments, **options):
    return float(np.mean([heard_db(*arguments, seed=seed, **options) for seed in range(3)]))


@given(st.integers(8, 40), st.integers(8, 40), st.integers(0, 99))
def test_textures_span_the_levels_that_they_should(height, width, seed):
    picture = scenes.texture(height, width, seed)
    assert (picture.min(), picture.max()) == pytest.approx((0.1, 0.9))
    assert np.array_equal(picture, scenes.texture(height, width, seed))


@given(st.integers(8, 33), st.integers(-50, 50), st.integers(0, 99))
def test_whole_pixels_are_a_roll(width, pixels, seed):
    picture = scenes.texture(9, width, seed)
    (moved,) = scenes.vibrating(picture, np.array([float(pixels)]))
    assert np.abs(moved - np.roll(picture, pixels, axis=1)).max() < 1e-9


def test_rows_can_move_by_themselves():
    picture = scenes.texture(8, 9, 0)
    (moved,) = scenes.vibrating(picture, np.arange(8.0)[None])
    for row in range(8):
        assert np.abs(moved[row] - np.roll(picture[row], row)).max() < 1e-9


def test_speech_like_sounds_are_loud_in_turns_and_have_many_frequencies():
    sound = scenes.speech_like(8000, 8000, 3)
    assert np.abs(sound).max() == 1
    loudness = np.abs(sound).reshape(80, 100).mean(axis=1)
    assert loudness.min() < 0.1 * loudness.max()
    power = np.abs(np.fft.rfft(sound)) ** 2
    assert 150 < (power * np.arange(len(power))).sum() / power.sum() < 2000


def test_ten_times_the_motion_is_twenty_decibels():
    assert mean_db(0.1, 0.02) - mean_db(0.01, 0.02) == pytest.approx(20, abs=3)
    assert mean_db(0.1, 0.01) - mean_db(0.032, 0.01) == pytest.approx(10, abs=1)


def test_ten_times_the_noise_is_minus_twenty_decibels():
    assert mean_db(0.1, 0.002) - mean_db(0.1, 0.02) == pytest.approx(20, abs=1)


def test_twice_the_side_of_the_image_is_six_decibels():
    levels = [mean_db(0.05, 0.01, tiles=tiles) for tiles in (1, 2)]
    assert np.diff(levels) == pytest.approx(6.02, abs=0.8)
