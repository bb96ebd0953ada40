"""The robust loss and its sum over the levels."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import DataError
from reference.stereonet.losses import (
    general_robust,
    hierarchical,
    known,
    level_losses,
    not_finite,
    rho,
)

finite = st.floats(-1e4, 1e4, allow_subnormal=False)
seeds = st.integers(0, 2**31 - 1)


def double(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


@given(x=finite)
def test_rho_is_its_closed_form(x):
    assert rho(double(x)).item() == pytest.approx(math.sqrt((x / 2) ** 2 + 1) - 1, abs=1e-9)


@given(x=finite)
def test_rho_is_even_and_zero_at_zero_alone(x):
    assert rho(double(x)) == rho(double(-x))
    assert rho(double(0)) == 0
    assert rho(double(x)) >= 0
    if abs(x) > 1e-3:
        assert rho(double(x)) > 0


@given(x=finite)
def test_the_slope_stays_below_a_half(x):
    at = double(x).requires_grad_()
    (slope,) = torch.autograd.grad(rho(at), at)
    # √(x² + 4) rounds to |x| far off.
    assert abs(slope) <= 0.5
    if 1e-6 < abs(x) < 1e3:
        assert 0 < slope * math.copysign(1, x) < 0.5


def test_the_second_derivative_at_zero_is_a_quarter():
    at = double(0).requires_grad_()
    (slope,) = torch.autograd.grad(rho(at), at, create_graph=True)
    (bend,) = torch.autograd.grad(slope, at)
    assert slope == 0
    assert bend.item() == pytest.approx(0.25)


@given(x=st.floats(1e3, 1e6))
def test_far_off_rho_is_a_line(x):
    assert rho(double(x)).item() == pytest.approx(x / 2 - 1, abs=2 / x)


@given(x=st.floats(-0.01, 0.01))
def test_near_zero_rho_is_a_parabola(x):
    assert rho(double(x)).item() == pytest.approx(x * x / 8, rel=1e-4, abs=1e-15)


@given(x=st.floats(-50, 50), c=st.floats(0.1, 10))
def test_barrons_limits(x, c):
    at, z = double(x), (x / c) ** 2
    assert general_robust(at, 2, c).item() == pytest.approx(z / 2)
    assert general_robust(at, 0, c).item() == pytest.approx(math.log(z / 2 + 1))
    assert general_robust(at, -math.inf, c).item() == pytest.approx(1 - math.exp(-z / 2))
    assert general_robust(at, 1, c).item() == pytest.approx(math.sqrt(z + 1) - 1, abs=1e-9)
    assert general_robust(at, -2, c).item() == pytest.approx(2 * z / (z + 4))


@given(x=st.floats(-20, 20), c=st.floats(0.5, 5))
def test_the_limits_are_those_of_the_formula(x, c):
    for limit, near in ((2, 2 + 1e-6), (0, 1e-6)):
        at = double(x)
        close = general_robust(at, near, c).item()
        assert close == pytest.approx(general_robust(at, limit, c).item(), rel=1e-3, abs=1e-6)


def test_a_scale_of_zero_is_refused():
    with pytest.raises(ValueError, match="above zero"):
        general_robust(double(1), 1, 0)


def some_levels(seed: int):
    stream = torch.Generator().manual_seed(seed)
    sizes = ((2, 3), (4, 6), (8, 12))
    return [10 * torch.rand(2, 1, *size, generator=stream) for size in sizes], stream


@given(seed=seeds)
def test_the_loss_is_the_sum_of_the_levels_means(seed):
    levels, stream = some_levels(seed)
    truth = 1 + 9 * torch.rand(2, 1, 8, 12, generator=stream)
    terms = level_losses(levels, truth, known(truth, 32))
    assert list(terms) == ["L_0", "L_1", "L_2"]
    torch.testing.assert_close(hierarchical(levels, truth, known(truth, 32)), sum(terms.values()))
    torch.testing.assert_close(terms["L_2"], rho(levels[2] - truth).mean())


@given(value=st.floats(0.5, 30), off=st.floats(0.1, 5), level=st.integers(0, 2))
def test_the_loss_is_zero_where_all_levels_are_true_and_only_there(value, off, level):
    truth = torch.full((2, 1, 8, 12), value)
    levels = [torch.full((2, 1, *size), value) for size in ((2, 3), (4, 6), (8, 12))]
    valid = known(truth, 32)
    assert hierarchical(levels, truth, valid) == 0
    levels[level] = levels[level] + off
    assert hierarchical(levels, truth, valid) > 0


@given(seed=seeds)
def test_what_is_masked_does_not_count(seed):
    levels, stream = some_levels(seed)
    truth = 1 + 9 * torch.rand(2, 1, 8, 12, generator=stream)
    hidden = torch.rand(2, 1, 8, 12, generator=stream) < 0.5
    hidden[0, 0, 0, 0] = False
    truth[hidden] = float("nan")
    fine = levels[2].requires_grad_()
    loss = hierarchical(levels, truth, known(truth, 32))
    assert loss.isfinite()
    (gradient,) = torch.autograd.grad(loss, fine)
    assert gradient[hidden].abs().max() == 0 if hidden.any() else True
    assert gradient[~hidden].abs().min() > 0 or (fine == truth)[~hidden].any()


def test_disparities_beyond_d_do_not_count():
    truth = torch.tensor([0.0, -1.0, 5.0, 31.9, 32.0, 60.0, float("nan"), float("inf")])
    assert known(truth, 32).tolist() == [False, False, True, True, False, False, False, False]


def test_nothing_known_is_told():
    truth = torch.zeros(1, 1, 8, 8)
    with pytest.raises(DataError, match="no pixel of a batch"):
        hierarchical([truth], truth, known(truth, 32))


def test_the_first_broken_term_is_named():
    terms = {"L_0": torch.tensor(1.0), "L_1": torch.tensor(float("nan"))}
    assert not_finite(terms) == "L_1"
    assert not_finite({"L_0": torch.tensor(1.0)}) is None
