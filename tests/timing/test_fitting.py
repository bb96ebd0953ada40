"""Prices from measurements."""

from dataclasses import replace

import numpy as np
import pytest

from harness.timing.costs import total
from harness.timing.fitting import Clocks, Observation, cost_ms, fit, residuals
from harness.timing.prices import PRICES
from harness.timing.published import networks

USUAL = Clocks()


def models():
    names = ("slim_320", "rfb_320", "rfb_320_first", "yolox_nano", "yolo20_v3", "ultra_face")
    known = [networks.listed(name) for name in names]
    known += [networks.chain(4), networks.chain(8), networks.face_detector()]
    known += [networks.classifier(alpha, 128, 10, 4) for alpha in (0.25, 0.5, 0.75, 1.0)]
    return [total(network) for network in known]


def seen(prices, noise=0.0, clocks=USUAL):
    rng = np.random.default_rng(1)
    factors = np.exp(noise * rng.standard_normal(len(models())))
    return [
        Observation(str(place), "", wanted, cost_ms(wanted, prices, clocks) * factor, clocks)
        for place, (wanted, factor) in enumerate(zip(models(), factors, strict=True))
    ]


def test_without_measurements_the_guesses_stay():
    assert {n: p.ns for n, p in fit([], PRICES).items()} == pytest.approx(
        {n: p.prior_ns for n, p in PRICES.items()}
    )


def test_a_price_that_no_measurement_shows_stays_at_its_guess():
    only = Observation("a", "", {"v4_convert": 1e6}, 70.0)
    found = fit([only], PRICES)
    assert found["v4_convert"].ns == pytest.approx(70, rel=0.02)
    assert found["v5_mac"].ns == pytest.approx(PRICES["v5_mac"].prior_ns)


def test_times_of_other_constants_are_explained_within_their_noise():
    rng = np.random.default_rng(0)
    other = {
        name: replace(price, ns=price.ns * np.exp(0.4 * rng.standard_normal()))
        for name, price in PRICES.items()
    }
    wide = {name: replace(price, prior_ns=price.ns, spread=2) for name, price in PRICES.items()}
    before = residuals(seen(other, 0.02), wide)
    after = residuals(seen(other, 0.02), fit(seen(other, 0.02), wide))
    assert np.abs(before).max() > 0.2
    assert np.abs(after).max() < 0.05


def test_clocks_are_taken_into_account():
    slow = Clocks(cpu_hz=200e6, kpu_hz=100e6)
    assert slow.factor("kpu_cycle") == 4
    assert slow.factor("v4_mac") == 2
    assert slow.factor("weight_byte") == 1
    found = fit(seen(PRICES, clocks=slow), PRICES)
    again = residuals(seen(PRICES, clocks=slow), found)
    assert np.abs(again).max() < 0.05


def test_one_wrong_measurement_moves_little():
    right = seen(PRICES)
    wrong = [replace(right[0], ms=right[0].ms * 5), *right[1:]]
    found = residuals(right[1:], fit(wrong, PRICES))
    assert np.median(np.abs(found)) < 0.1
