"""What is listened to, and that what filters are fitted to is none of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harness.errors import DataError, MethodError
from reference.visual_microphone.data import contract, load, middle, rendered
from reference.visual_microphone.settings import Settings

SMALL = Settings(size=32, frames=64)


def digests(frames):
    return {frame.tobytes() for frame in frames}


@given(st.integers(0, 1000))
@settings(max_examples=15)
def test_rendered_scenes_are_calibrated_on_frames_of_another(seed):
    footage = rendered(SMALL, seed)
    assert footage.frames.shape == (64, 32, 32)
    assert not digests(footage.frames) & digests(footage.other)
    assert rendered(SMALL, seed).fingerprint() == footage.fingerprint()
    assert footage.true.shape == (64,)


def test_a_long_video_is_calibrated_on_what_is_not_compared(video):
    footage = load(video, Settings(frames=96))
    assert len(footage.frames) == 96
    assert len(footage.other) == 32
    assert not digests(footage.frames) & digests(footage.other)
    assert (footage.rate, footage.warnings, footage.true) == (2200, (), None)
    assert sum(len(part) for part in footage.parts(10_000)) == 160


@given(st.integers(32, 200))
@settings(max_examples=15)
def test_any_part_of_a_video_is_used_once(video, frames):
    footage = load(video, Settings(frames=frames))
    assert 32 <= len(footage.frames) <= frames
    apart = not digests(footage.frames) & digests(footage.other)
    assert apart or any("calibrated on" in warning for warning in footage.warnings)


def test_the_middle_is_cut_out_and_never_scaled(video):
    whole = next(load(video, SMALL).parts(8))
    assert np.array_equal(load(video, SMALL).frames[:8], whole[:, 32:64, 32:64])
    assert np.array_equal(middle(whole, 32), whole[:, 32:64, 32:64])
    with pytest.raises(DataError, match=r"96 x 96 pixels, and the K210's part 200 x 200 → .*96"):
        load(video, Settings(size=200))


def test_the_rate_is_the_files_or_that_asked_for(video, tmp_path):
    assert load(video, Settings(rate=500.0)).rate == 500
    for number, frame in enumerate(load(video, SMALL).frames):
        Image.fromarray(frame).save(tmp_path / f"{number}.png")
    footage = load(tmp_path, SMALL)
    assert footage.rate == 2200
    assert "--set rate=FPS" in footage.warnings[0]


def test_a_video_of_one_grey_is_refused(tmp_path):
    for number in range(40):
        Image.new("L", (64, 64), 99).save(tmp_path / f"{number}.png")
    with pytest.raises(DataError, match="one single grey"):
        load(tmp_path, Settings())


def test_the_contract_pads_with_the_middle_grey():
    found = contract(SMALL)
    assert (found.shape, found.range) == ((1, 32, 32), (-0.5, 0.5))


@pytest.mark.parametrize("wrong", ["size=7", "frames=8", "scales=0", "rate=-1", "motion=x"])
def test_options_out_of_their_limits_are_refused(wrong):
    name, value = wrong.split("=")
    with pytest.raises(MethodError, match=f"cannot take {name}={value}"):
        Settings.parse({name: value})
