"""Who judges: the classifier of pictures, and the probe of codes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from reference.content_transfer import judge as judges
from reference.content_transfer.data import as_floats, rendered_pictures
from reference.content_transfer.judge import Judge, fit_judge, fit_probe
from reference.content_transfer.metrics import positive_share, probe_accuracy

seeds = st.integers(0, 2**31 - 1)
few = hypothesis_settings(max_examples=15, deadline=None)


def codes(seed: int, apart: float, count: int = 400, features: int = 6):
    stream = torch.Generator().manual_seed(seed)
    of_a, of_b = torch.randn(2, count, features, generator=stream)
    of_b[:, seed % features] += apart
    return of_a, of_b


@given(seed=seeds, scale=st.floats(1e-3, 1e3), shift=st.floats(-10, 10))
@few
def test_a_code_that_leaks_the_domain_is_read(seed, scale, shift):
    of_a, of_b = (scale * (one + shift) for one in codes(seed, apart=4.0))
    probe = fit_probe(of_a[:200], of_b[:200])
    assert probe_accuracy(probe, of_a[200:], of_b[200:]) > 0.9


@given(seed=seeds)
@few
def test_a_code_that_does_not_leak_is_a_guess(seed):
    of_a, of_b = codes(seed, apart=0.0, count=1000)
    probe = fit_probe(of_a[:500], of_b[:500])
    assert abs(probe_accuracy(probe, of_a[500:], of_b[500:]) - 0.5) < 0.1


@given(seed=seeds)
@few
def test_domains_count_alike_however_many_pictures_they_have(seed):
    of_a, of_b = codes(seed, apart=1.0, count=900)
    probe = fit_probe(of_a[:600], of_b[:60])
    says_b = [(probe(one[600:]) > 0).float().mean().item() for one in (of_a, of_b)]
    # A probe that only counts would call nearly all of them A.
    assert abs(says_b[0] + says_b[1] - 1) < 0.25


def test_a_constant_feature_does_no_harm():
    of_a, of_b = codes(0, apart=4.0)
    of_a[:, 2], of_b[:, 2] = 7, 7
    assert torch.isfinite(fit_probe(of_a, of_b).weight).all()


def test_the_accuracy_counts_both_domains_alike():
    probe = torch.nn.Linear(1, 1)
    with torch.no_grad():
        probe.weight.fill_(1), probe.bias.fill_(0)
    minus, plus = -torch.ones(9, 1), torch.ones(1, 1)
    assert probe_accuracy(probe, minus, plus) == 1
    assert probe_accuracy(probe, minus, -plus) == 0.5
    assert probe_accuracy(probe, plus, minus) == 0


@pytest.mark.parametrize("side", [32, 128])
def test_the_judge_takes_pictures_of_any_size(side):
    assert Judge()(torch.zeros(3, 3, side, side)).shape == (3,)


def test_the_judge_learns_to_see_glasses_on_faces_that_it_has_not_seen(monkeypatch):
    monkeypatch.setattr(judges, "JUDGE_STEPS", 120)
    pictures = rendered_pictures(300, 32, 100)
    judge = fit_judge(pictures.plain, pictures.content, seed=0)
    assert not judge.training
    shares = [
        positive_share(judge, as_floats(torch.from_numpy(side.images)))
        for side in (pictures.held_plain, pictures.held_content)
    ]
    assert shares[0] < 0.1
    assert shares[1] > 0.9
