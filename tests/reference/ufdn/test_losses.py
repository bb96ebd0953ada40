"""The losses of UFDN: values, signs, who gets a gradient, and what leaves them unchanged."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reference.ufdn import losses
from reference.ufdn.losses import UNLABELLED

seeds = st.integers(0, 2**31 - 1)


def random(seed: int, *shape: int, scale: float = 1.0) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    return scale * torch.randn(shape, generator=stream, dtype=torch.float64)


def one_hot(seed: int, count: int, domains: int) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    places = torch.randint(domains, (count,), generator=stream)
    return F.one_hot(places, domains).double()


# --- L_vae --------------------------------------------------------------------------------------


@given(seed=seeds)
@settings(max_examples=25)
def test_kl_is_never_below_zero_and_zero_for_the_prior_only(seed):
    mean, log_variance = random(seed, 4, 6), random(seed + 1, 4, 6)
    assert losses.kl_divergence(mean, log_variance) > 0
    zeros = torch.zeros(4, 6)
    assert losses.kl_divergence(zeros, zeros) == 0


@given(seed=seeds)
@settings(max_examples=25)
def test_kl_is_that_of_pytorchs_distributions_and_a_sum(seed):
    mean, log_variance = random(seed, 4, 6), random(seed + 1, 4, 6)
    q = torch.distributions.Normal(mean, (log_variance / 2).exp())
    p = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    expected = torch.distributions.kl_divergence(q, p).sum()
    found = losses.kl_divergence(mean, log_variance)
    torch.testing.assert_close(found, expected)
    twice = losses.kl_divergence(mean.repeat(2, 1), log_variance.repeat(2, 1))
    torch.testing.assert_close(twice, 2 * found)


@given(seed=seeds)
@settings(max_examples=15)
def test_reconstruction_is_zero_for_equals_and_only_then(seed):
    pictures = random(seed, 2, 3, 4, 4)
    assert losses.reconstruction(pictures, pictures.clone()) == 0
    assert losses.reconstruction(pictures, pictures + 0.5).item() == pytest.approx(0.25)


# --- D_feat and label inversion -----------------------------------------------------------------


@given(domains=st.integers(2, 5), seed=seeds)
@settings(max_examples=25)
def test_an_undecided_d_feat(domains, seed):
    labels = one_hot(seed, 6, domains)
    logits = torch.zeros(6, domains, dtype=torch.float64, requires_grad=True)
    d, inverted = (
        losses.feature_discriminator(logits, labels),
        losses.label_inversion(logits, labels),
    )
    assert d.item() == pytest.approx(math.log(2))
    assert inverted.item() == pytest.approx(math.log(2))
    (of_d,) = torch.autograd.grad(d, logits)
    (of_encoder,) = torch.autograd.grad(inverted, logits)
    torch.testing.assert_close(of_encoder, -of_d)
    assert of_d.abs().min() > 0


@given(domains=st.integers(2, 5), seed=seeds)
@settings(max_examples=25)
def test_label_inversion_is_zero_where_d_feat_is_sure_of_all_other_domains(domains, seed):
    labels = one_hot(seed, 6, domains)
    wrong = (1 - 2 * labels) * 60
    assert losses.label_inversion(wrong, labels).item() == pytest.approx(0, abs=1e-12)
    assert losses.feature_discriminator(-wrong, labels).item() == pytest.approx(0, abs=1e-12)
    assert losses.label_inversion(-wrong, labels).item() == pytest.approx(60)


@given(seed=seeds, domains=st.integers(2, 4))
@settings(max_examples=25)
def test_label_inversion_pulls_every_logit_to_the_wrong_side(seed, domains):
    logits, labels = random(seed, 5, domains, scale=3).requires_grad_(), one_hot(seed, 5, domains)
    (gradient,) = torch.autograd.grad(losses.label_inversion(logits, labels), logits)
    assert ((gradient > 0) == (labels > 0)).all()


@given(seed=seeds)
@settings(max_examples=25)
def test_inversion_is_not_the_reversed_loss(seed):
    """Both pull the same way; they differ in where the gradient fades, and in a lower bound."""
    logits, labels = random(seed, 5, 2, scale=3).requires_grad_(), one_hot(seed, 5, 2)
    (inverted,) = torch.autograd.grad(losses.label_inversion(logits, labels), logits)
    (reversed_,) = torch.autograd.grad(losses.loss_reversal(logits, labels), logits)
    assert (inverted.sign() == reversed_.sign()).all()
    assert not torch.allclose(inverted, reversed_)
    # −log σ(s x) and log σ(−s x) differ by s x: so do the sums, whose parts are known.
    difference = losses.label_inversion(logits, labels) - losses.loss_reversal(logits, labels)
    both = losses.label_inversion(logits, labels) + losses.feature_discriminator(logits, labels)
    torch.testing.assert_close(difference, both)
    sure_and_wrong = (1 - 2 * labels) * 50
    assert losses.label_inversion(sure_and_wrong, labels) < 1e-12
    assert losses.loss_reversal(sure_and_wrong, labels) < -40


@given(seed=seeds, order=st.sampled_from(list(permutations(range(3)))))
@settings(max_examples=25)
def test_names_of_domains_do_not_matter(seed, order):
    logits, labels = random(seed, 6, 3, scale=3), one_hot(seed, 6, 3)
    relabelled = logits[:, list(order)], labels[:, list(order)]
    places = torch.randperm(6, generator=torch.Generator().manual_seed(seed))
    for term in (
        losses.feature_discriminator,
        losses.label_inversion,
        losses.loss_reversal,
        losses.pixel_domain,
    ):
        expected = term(logits, labels)
        torch.testing.assert_close(term(*relabelled), expected)
        torch.testing.assert_close(term(logits[places], labels[places]), expected)


# --- digits -------------------------------------------------------------------------------------


@given(seed=seeds)
@settings(max_examples=25)
def test_pictures_without_a_label_say_nothing_of_digits(seed):
    logits = random(seed, 8, 10).requires_grad_()
    labels = torch.arange(8)
    labels[4:] = UNLABELLED
    (gradient,) = torch.autograd.grad(losses.digit_classification(logits, labels), logits)
    assert (gradient[4:] == 0).all()
    other = torch.cat([logits[:4], random(seed + 1, 4, 10)])
    torch.testing.assert_close(
        losses.digit_classification(other, labels), losses.digit_classification(logits, labels)
    )
    torch.testing.assert_close(
        losses.digit_classification(logits, labels), F.cross_entropy(logits[:4], labels[:4])
    )


def test_a_batch_without_labels_has_no_digit_loss():
    logits = torch.randn(3, 10, requires_grad=True)
    loss = losses.digit_classification(logits, torch.full((3,), UNLABELLED))
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()


# --- D_pix --------------------------------------------------------------------------------------


@given(seed=seeds)
@settings(max_examples=25)
def test_d_pix_and_the_decoder_pull_opposite_ways(seed):
    real, made = random(seed, 5), random(seed + 1, 5).requires_grad_()
    (of_critic,) = torch.autograd.grad(losses.pixel_critic(real, made), made)
    (of_decoder,) = torch.autograd.grad(losses.pixel_adversary(made), made)
    torch.testing.assert_close(of_decoder, -of_critic)
    assert losses.pixel_critic(real + 3, made + 3).item() == pytest.approx(
        losses.pixel_critic(real, made).item()
    )
    assert losses.pixel_critic(real, real) == 0


def linear_critic(seed: int, shape: tuple[int, ...], length: float) -> nn.Module:
    direction = random(seed, math.prod(shape))
    critic = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), 1).double(), nn.Flatten(0))
    critic[1].weight.data = (length * direction / direction.norm())[None]
    return critic


@given(seed=seeds, length=st.floats(0, 5))
@settings(max_examples=25)
def test_the_penalty_of_a_linear_critic_is_its_slope(seed, length):
    real, made, shares = random(seed, 4, 3, 2, 2), random(seed + 1, 4, 3, 2, 2), torch.rand(4)
    penalty = losses.gradient_penalty(linear_critic(seed, (3, 2, 2), length), real, made, shares)
    assert penalty.item() == pytest.approx((length - 1) ** 2, abs=1e-9)


@given(seed=seeds)
@settings(max_examples=25)
def test_the_authors_penalty_wants_a_unit_slope_of_every_pixel(seed):
    """So a critic of unit norm is not free of it, and one is that has √pixels of it."""
    shape, pixels = (3, 2, 2), 4
    real, made, shares = random(seed, 4, *shape), random(seed + 1, 4, *shape), torch.rand(4)
    unit = linear_critic(seed, shape, 1.0)
    assert losses.gradient_penalty(unit, real, made, shares, per_pixel=True) > 0.01
    even = linear_critic(seed, shape, 1.0)
    even[1].weight.data = torch.full((1, 12), 1 / math.sqrt(3), dtype=torch.float64)
    assert losses.gradient_penalty(even, real, made, shares, per_pixel=True) < 1e-12
    assert even[1].weight.norm().item() == pytest.approx(math.sqrt(pixels))


@given(seed=seeds)
@settings(max_examples=15)
def test_the_penalty_teaches_the_critic_and_looks_between_the_pictures(seed):
    seen = []
    weight = torch.ones(1, dtype=torch.float64, requires_grad=True)

    def score(points: torch.Tensor) -> torch.Tensor:
        seen.append(points.detach())
        return (weight * points.square()).flatten(1).sum(1)

    real, made = random(seed, 4, 3, 2, 2), random(seed + 1, 4, 3, 2, 2)
    shares = torch.tensor([0.0, 1.0, 0.5, 0.25], dtype=torch.float64)
    losses.gradient_penalty(score, real, made, shares).backward()
    assert weight.grad.abs() > 0
    expected = [made[0], real[1], (real[2] + made[2]) / 2, 0.25 * real[3] + 0.75 * made[3]]
    torch.testing.assert_close(seen[0], torch.stack(expected))


# --- all ----------------------------------------------------------------------------------------


@given(place=st.integers(0, 2), broken=st.sampled_from([math.nan, math.inf, -math.inf]))
def test_the_first_term_that_is_no_number_is_named(place, broken):
    found = {name: torch.tensor(1.0) for name in ("pix_recon", "kl", "digit")}
    assert losses.not_finite(found) is None
    name = list(found)[place]
    found[name] = torch.tensor(broken)
    assert losses.not_finite(found) == name
