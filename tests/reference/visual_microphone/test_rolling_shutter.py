"""Rows as samples: when they are seen, what they say, and how gaps between frames are filled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import DataError
from reference.visual_microphone.filters import high_pass
from reference.visual_microphone.metrics import correlation, snr_db
from reference.visual_microphone.rolling_shutter import (
    Shutter,
    fill_gaps,
    recover_rows,
    row_motion,
    spread,
)
from reference.visual_microphone.scenes import chirp, filmed, texture, vibrating

shutters = st.builds(
    lambda rate, rows, seen: Shutter(rate, seen / rate / rows, rows),
    st.floats(10, 1000),
    st.integers(8, 200),
    st.floats(0.05, 0.99),
)


@given(shutters, st.integers(1, 20))
def test_rows_come_one_after_the_other(shutter, frames):
    times = shutter.times(frames)
    row, frame = shutter.rows // 2, frames - 1
    assert times[frame, row] == pytest.approx(frame / shutter.frame_rate + row * shutter.line_delay)
    assert (np.diff(times.ravel()) > 0).all()
    assert shutter.gap > 0
    assert shutter.gap == pytest.approx((1 - shutter.seen) / shutter.frame_rate)


@given(shutters, st.integers(1, 12))
@settings(max_examples=40)
def test_every_row_has_a_sample_of_its_own(shutter, frames):
    motion = np.arange(1.0, frames * shutter.rows + 1).reshape(frames, shutter.rows)
    samples, seen = spread(motion, shutter)
    assert seen.sum() == motion.size
    assert np.array_equal(samples[seen], motion.ravel())


def test_the_papers_camera():
    """60 frames and 61,920 samples a second are a line delay of 16.15 µs."""
    camera = Shutter(60, 1 / 61_920, 720)
    assert camera.rate == pytest.approx(61_920)
    assert camera.gap * 1e3 == pytest.approx(5.04, abs=0.01)
    assert camera.seen == pytest.approx(0.698, abs=0.001)


@pytest.mark.parametrize("wrong", [(60, 1 / 60 / 100, 100), (0, 0, 8), (60, -1e-6, 8), (60, 0, 0)])
def test_impossible_shutters_are_refused(wrong):
    with pytest.raises(DataError):
        Shutter(*wrong)


def test_without_a_delay_it_is_the_global_method():
    """All rows are one moment: one sample a frame, and what the whole frame's motion says."""
    rate, sound = 2200.0, chirp(120, 2200.0)
    frames = filmed(vibrating(texture(32, 32, 0), 0.1 * sound), 0.005, 0)
    shutter = Shutter(rate, 0, 32)
    found = recover_rows(frames, shutter)
    assert found.shape == (120,)
    motion, weight = row_motion(frames)
    means = (motion * weight).sum(axis=1) / weight.sum(axis=1)
    assert np.array_equal(found, high_pass(means, rate, 55))
    assert snr_db(found, high_pass(sound, rate, 55)) > 15


def test_rows_say_how_many_pixels_they_moved():
    camera = Shutter(60, 1 / 60 / 80, 60)
    wanted = 0.2 * np.sin(2 * np.pi * 310 * camera.times(40))
    motion, _ = row_motion(vibrating(texture(60, 64, 1), wanted))
    slope, offset = np.polyfit(wanted.ravel(), motion.ravel(), 1)
    assert slope == pytest.approx(1, abs=0.05)
    assert offset == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("hz", [310, 700])
def test_a_tone_far_above_the_frame_rate_is_heard(hz):
    camera = Shutter(60, 1 / 60 / 80, 60)
    frames = filmed(
        vibrating(texture(60, 64, 1), 0.2 * np.sin(2 * np.pi * hz * camera.times(40))), 0.003, 0
    )
    found = recover_rows(frames, camera)
    times = np.arange(len(found)) / camera.rate
    parts = np.stack([np.sin(2 * np.pi * hz * times), np.cos(2 * np.pi * hz * times)], axis=1)
    fit = parts @ np.linalg.lstsq(parts, found, rcond=None)[0]
    assert correlation(found, fit) > 0.95


def test_a_tone_at_a_multiple_of_the_frame_rate_is_taken_for_the_rows_own_pattern():
    camera = Shutter(60, 1 / 60 / 80, 60)
    wanted = 0.2 * np.sin(2 * np.pi * 300 * camera.times(40))
    motion, _ = row_motion(vibrating(texture(60, 64, 1), wanted))
    assert np.abs(motion).max() < 0.01


@given(st.integers(0, 99), st.floats(0.02, 0.3))
@settings(max_examples=20)
def test_gaps_of_a_tone_are_filled_as_it_goes_on(seed, frequency):
    phase = np.random.default_rng(seed).uniform(0, 6)
    tone = np.sin(2 * np.pi * frequency * np.arange(600) + phase)
    seen = np.ones(600, bool)
    seen[200:230] = seen[400:430] = False
    filled = fill_gaps(np.where(seen, tone, 0), seen)
    assert np.array_equal(filled[seen], tone[seen])
    assert snr_db(filled[~seen], tone[~seen]) > 10


def test_silence_stays_silence():
    seen = np.ones(100, bool)
    seen[40:60] = False
    assert not fill_gaps(np.zeros(100), seen).any()


def test_frames_of_another_height_are_refused():
    with pytest.raises(DataError, match="frames of 16 rows are none of 32"):
        recover_rows(np.zeros((40, 16, 16), np.uint8), Shutter(60, 1e-5, 32))
