import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.compare import metrics

values = st.floats(-1e6, 1e6, width=32)
batches = hnp.arrays(
    np.float32, hnp.array_shapes(min_dims=2, max_dims=4, max_side=6), elements=values
)


@st.composite
def pairs(draw):
    a = draw(batches)
    return a, draw(hnp.arrays(np.float32, a.shape, elements=values))


@given(batches)
def test_equal_arrays_are_at_no_distance(a):
    assert metrics.cosine(a, a) == pytest.approx(1)
    assert metrics.max_abs(a, a) == metrics.mean_abs(a, a) == metrics.rmse(a, a) == 0
    assert metrics.snr_db(a, a) is None
    assert metrics.top1_agreement(a, a) == 1


@given(pairs())
def test_distances_are_ordered_and_symmetric(pair):
    a, b = pair
    assert metrics.mean_abs(a, b) <= metrics.rmse(a, b) * (1 + 1e-9) + 1e-12
    assert metrics.rmse(a, b) <= metrics.max_abs(a, b) * (1 + 1e-9) + 1e-12
    for distance in (metrics.cosine, metrics.max_abs, metrics.mean_abs, metrics.rmse):
        assert distance(a, b) == pytest.approx(distance(b, a))
    assert -1 <= metrics.cosine(a, b) <= 1


@given(pairs(), st.sampled_from([2.0**-10, 0.5, 4.0, 2.0**12]))
def test_cosine_snr_and_top1_do_not_see_the_scale(pair, scale):
    # In float64, where no scaled value of float32 vanishes.
    a, b = (array.astype(np.float64) for array in pair)
    assert metrics.cosine(a * scale, b * scale) == pytest.approx(metrics.cosine(a, b), abs=1e-6)
    before, after = metrics.snr_db(a, b), metrics.snr_db(a * scale, b * scale)
    if before is None or not math.isfinite(before):
        assert after == before
    else:
        assert after == pytest.approx(before, abs=1e-3)
    assert metrics.top1_agreement(a * scale, b) == metrics.top1_agreement(a, b)


@given(pairs())
def test_snr_is_the_formula(pair):
    a, b = (array.astype(np.float64) for array in pair)
    noise, signal = np.sum((a - b) ** 2), np.sum(a**2)
    if noise > 1e-12 and signal > 1e-12:
        assert metrics.snr_db(a, b) == pytest.approx(10 * math.log10(signal / noise), abs=1e-6)


def test_known_values():
    a, b = np.array([[3.0, 4.0]]), np.array([[4.0, 3.0]])
    assert metrics.cosine(a, b) == pytest.approx(24 / 25)
    assert (metrics.max_abs(a, b), metrics.mean_abs(a, b)) == (1, 1)
    assert metrics.rmse(a, b) == pytest.approx(1)
    assert metrics.snr_db(a, b) == pytest.approx(10 * math.log10(25 / 2))
    assert metrics.top1_agreement(a, b) == 0


def test_squares_do_not_overflow_or_vanish():
    for size in (1e-200, 1e200):
        a = np.array([[size, size]])
        assert metrics.cosine(a, a) == pytest.approx(1)
        assert metrics.snr_db(a, a * 1.01) == pytest.approx(40, abs=0.1)


def test_zero_vectors():
    zero, one = np.zeros((1, 3)), np.ones((1, 3))
    assert math.isnan(metrics.cosine(zero, zero * np.nan))
    assert metrics.cosine(zero, zero) == 1
    assert metrics.cosine(zero, one) == 0
    assert metrics.snr_db(zero, one) == -math.inf


def test_nothing_is_like_nothing():
    nothing = np.zeros((0, 3))
    assert metrics.max_abs(nothing, nothing) == metrics.mean_abs(nothing, nothing) == 0
    assert metrics.rmse(nothing, nothing) == 0
    assert metrics.cosine(nothing, nothing) == metrics.top1_agreement(nothing, nothing) == 1
    assert metrics.snr_db(nothing, nothing) is None


def test_of_equal_scores_the_first_is_the_class():
    assert metrics.top1(np.array([[0, 2, 2], [1, 1, 0]])).tolist() == [1, 0]
    assert metrics.top1(np.arange(8).reshape(2, 2, 2)).tolist() == [3, 3]


def test_agrees_with_pytorch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 5, 7))
    expected = torch.nn.functional.cosine_similarity(
        torch.from_numpy(a.reshape(1, -1)), torch.from_numpy(b.reshape(1, -1))
    )
    assert metrics.cosine(a, b) == pytest.approx(expected.item())
    assert metrics.rmse(a, b) == pytest.approx(
        torch.nn.functional.mse_loss(torch.from_numpy(a), torch.from_numpy(b)).sqrt().item()
    )
