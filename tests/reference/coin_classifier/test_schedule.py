"""Learning rate and length of a training."""

from __future__ import annotations

import itertools

import pytest

from reference.coin_classifier.schedule import (
    FEWEST_EPOCHS,
    MOST_EPOCHS,
    PICTURES_SHOWN,
    WARM_UP,
    default_epochs,
    learning_rate,
)

RATES = [learning_rate(0.01, done / 1000) for done in range(1001)]


def test_rate_rises_to_the_highest_and_falls_to_nothing():
    top = RATES.index(max(RATES))
    assert top == WARM_UP * 1000
    assert RATES[top] == pytest.approx(0.01)
    assert RATES[-1] == pytest.approx(0)
    assert RATES[:top] == sorted(RATES[:top])
    assert RATES[top:] == sorted(RATES[top:], reverse=True)


def test_rate_has_no_jumps():
    assert max(abs(a - b) for a, b in itertools.pairwise(RATES)) < 0.01 * 0.02


@pytest.mark.parametrize("pictures", [400, 1000, 3000])
def test_every_set_is_shown_the_same_number_of_pictures(pictures):
    assert default_epochs(pictures) * pictures == pytest.approx(PICTURES_SHOWN, rel=0.02)


@pytest.mark.parametrize(("pictures", "epochs"), [(20, MOST_EPOCHS), (50_000, FEWEST_EPOCHS)])
def test_the_number_of_epochs_has_limits(pictures, epochs):
    assert default_epochs(pictures) == epochs
