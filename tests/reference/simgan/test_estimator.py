"""Gaze estimators and how they are judged; how far an iris moved."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from reference.simgan.data import as_floats
from reference.simgan.estimator import angles, fit_estimator, gaze_metrics
from reference.simgan.eyes import render
from reference.simgan.shift import iris_shift

degrees = st.floats(0, 180)


def direction(yaw_degrees: float) -> np.ndarray:
    yaw = np.deg2rad(yaw_degrees)
    return np.array([[np.sin(yaw), 0, np.cos(yaw)]], np.float32)


@given(first=degrees, second=degrees, length=st.floats(0.1, 10))
def test_angles_are_those_between_the_directions(first, second, length):
    found = angles(torch.from_numpy(direction(first) * np.float32(length)), direction(second))
    assert found[0] == pytest.approx(abs(first - second), abs=1e-3)


def test_errors_are_averaged_and_counted_within_seven_degrees():
    gaze = np.concatenate([direction(0)] * 4)

    class Wrong(nn.Module):
        def forward(self, images):
            off = [direction(value) for value in (0, 6.9, 7.1, 30)]
            return torch.from_numpy(np.concatenate(off))[: len(images)]

    found = gaze_metrics(Wrong(), torch.zeros(4, 1, 35, 55), gaze)
    assert found["gaze_error_deg"] == pytest.approx(11, abs=1e-3)
    assert found["within_7_deg"] == 0.5


def test_an_estimator_learns_and_the_same_seed_gives_the_same():
    eyes = render(64, 0, "synthetic")
    images = as_floats(torch.from_numpy(eyes.images))
    torch.manual_seed(1)
    made = [
        fit_estimator(images, eyes.gaze, width=0.1, hidden=16, steps=steps, seed=0)
        for steps in (0, 40, 40)
    ]
    before, after, again = (gaze_metrics(one, images, eyes.gaze) for one in made)
    assert after == again
    # The mean direction at least, from which eyes lie 17 degrees away.
    assert after["gaze_error_deg"] < 20 < before["gaze_error_deg"]


@given(right=st.integers(-3, 3), down=st.integers(-3, 3))
def test_a_moved_picture_has_a_moved_iris(right, down):
    # Dark discs on a bright ground, far from every edge.
    rows, columns = np.mgrid[:35, :55]
    discs = [
        np.where(np.hypot(columns - x, rows - y) < 4, -1.0, 1.0)[None]
        for x, y in ((27, 17), (27 + right, 17 + down))
    ]
    shift = iris_shift(discs[0][None], discs[1][None], np.array([[27.0, 17.0]]))
    assert shift[0] == pytest.approx(np.hypot(right, down), abs=0.3)


def test_light_and_contrast_move_no_iris():
    eyes = render(50, 0, "synthetic")
    images = eyes.images.astype(np.float64)
    assert iris_shift(images, images * 0.5 + 10, eyes.iris).max() < 1e-6
