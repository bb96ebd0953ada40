"""The losses of DTN: values, order of the classes, gradients, and what leaves them unchanged."""

from __future__ import annotations

import math
from dataclasses import astuple
from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reference.dtn import losses
from reference.dtn.networks import (
    FROM_SOURCE,
    FROM_TARGET,
    REAL,
    DomainTransfer,
    Encoder,
    Generator,
)
from reference.dtn.settings import DIGIT_WEIGHTS, FACE_WEIGHTS, Weights
from reference.dtn.structure import DIGITS

seeds = st.integers(0, 2**31 - 1)
weights = st.builds(Weights, *(st.floats(0, 100),) * 3)
TINY = DIGITS.scaled(1 / 32)


def random(seed: int, *shape: int, scale: float = 1.0) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    return scale * torch.randn(shape, generator=stream, dtype=torch.float64)


def three(seed: int) -> tuple[torch.Tensor, ...]:
    return tuple(random(seed + batch, 5, 3, scale=3.0) for batch in range(3))


def terms(seed: int) -> tuple[torch.Tensor, ...]:
    return tuple(random(seed, 4).abs().unbind())


# --- L_D and L_GANG ---------------------------------------------------------------------------


def test_classes_stand_in_the_papers_order():
    assert (FROM_SOURCE, FROM_TARGET, REAL) == (0, 1, 2)


@given(level=st.floats(-20, 20))
def test_an_undecided_discriminator(level):
    same = torch.full((4, 3), level, dtype=torch.float64)
    assert losses.l_d(same, same, same).item() == pytest.approx(3 * math.log(3))
    assert losses.l_gang(same, same).item() == pytest.approx(2 * math.log(3))


@given(seed=seeds)
@settings(max_examples=25)
def test_l_d_is_the_formula_by_probabilities(seed):
    of_s, of_t, real = three(seed)
    chances = [batch.softmax(dim=1)[:, place] for place, batch in enumerate((of_s, of_t, real))]
    expected = -sum(chance.log().mean() for chance in chances)
    torch.testing.assert_close(losses.l_d(of_s, of_t, real), expected)
    gang = -of_s.softmax(1)[:, 2].log().mean() - of_t.softmax(1)[:, 2].log().mean()
    torch.testing.assert_close(losses.l_gang(of_s, of_t), gang)


@given(seed=seeds, order=st.sampled_from(list(permutations(range(3)))))
@settings(max_examples=25)
def test_l_d_knows_no_names_of_classes(seed, order):
    """Classes and their batches relabelled together: the logit for a class moves with its batch."""
    batches = three(seed)
    relabelled = [batches[place][:, list(order)] for place in order]
    torch.testing.assert_close(losses.l_d(*relabelled), losses.l_d(*batches))


@given(seed=seeds, other=st.sampled_from([FROM_SOURCE, FROM_TARGET]))
@settings(max_examples=25)
def test_l_gang_notices_an_order_mistake(seed, other):
    of_s, of_t, _ = three(seed)
    swapped = list(range(3))
    swapped[REAL], swapped[other] = other, REAL
    mistaken = losses.l_gang(of_s[:, swapped], of_t[:, swapped])
    assert abs(mistaken - losses.l_gang(of_s, of_t)) > 1e-6


@given(seed=seeds)
@settings(max_examples=25)
def test_g_wants_its_pictures_taken_for_t(seed):
    of_s, of_t, _ = three(seed)
    for logits in (of_s.requires_grad_(), of_t.requires_grad_()):
        gradient = torch.autograd.grad(losses.l_gang(of_s, of_t), logits)[0]
        assert (gradient[:, REAL] < 0).all()
        assert (gradient[:, [FROM_SOURCE, FROM_TARGET]] > 0).all()


@given(seed=seeds, sure=st.floats(50, 200))
@settings(max_examples=25)
def test_l_d_is_never_below_zero_and_goes_there_when_d_is_sure_and_right(seed, sure):
    assert losses.l_d(*three(seed)) > 0
    right = [torch.zeros(4, 3).index_fill(1, torch.tensor([place]), sure) for place in range(3)]
    assert losses.l_d(*right).item() == pytest.approx(0, abs=1e-12)


# --- L_CONST, L_TID, L_TV -----------------------------------------------------------------------


@given(seed=seeds)
@settings(max_examples=25)
def test_distances_are_zero_for_equals_and_only_then(seed):
    codes, pictures = random(seed, 4, 8), random(seed, 4, 1, 6, 6)
    assert losses.l_const(codes, codes.clone()) == 0
    assert losses.l_tid(pictures, pictures.clone()) == 0
    moved = codes.clone()
    moved[seed % 4, seed % 8] += 0.1
    assert losses.l_const(codes, moved).item() == pytest.approx(0.01 / 32)
    assert losses.l_tid(pictures, pictures + 0.5).item() == pytest.approx(0.25)


@given(seed=seeds)
@settings(max_examples=10)
def test_identity_throughout_has_no_const_and_no_tid(seed):
    pictures = random(seed, 4, 3, 8, 8)
    f = g = nn.Identity()
    made = g(f(pictures))
    assert losses.l_const(f(pictures), f(made)) == 0
    assert losses.l_tid(pictures, made) == 0


def test_l_tv_of_a_step_is_the_pictures_height():
    step = torch.zeros(2, 1, 32, 32)
    step[..., 10:] = 1
    assert losses.l_tv(step).item() == pytest.approx(32)


@given(seed=seeds)
@settings(max_examples=15)
def test_order_in_the_batch_does_not_matter(seed):
    of_s, of_t, real = three(seed)
    codes, other = random(seed, 5, 8), random(seed + 1, 5, 8)
    pictures, made = random(seed, 5, 1, 6, 6), random(seed + 1, 5, 1, 6, 6)
    places = torch.randperm(5, generator=torch.Generator().manual_seed(seed))
    for term, batches in (
        (losses.l_d, (of_s, of_t, real)),
        (losses.l_gang, (of_s, of_t)),
        (losses.l_const, (codes, other)),
        (losses.l_tid, (pictures, made)),
        (losses.l_tv, (made,)),
        (losses.r_gan_d, (of_s[:, :1], real[:, :1])),
        (losses.r_gan_g, (of_s[:, :1],)),
    ):
        shuffled = [batch[places] for batch in batches]
        torch.testing.assert_close(term(*shuffled), term(*batches))


# --- L_G ----------------------------------------------------------------------------------------


def test_published_weights():
    assert Weights(alpha=100, beta=1, gamma=0.05) == FACE_WEIGHTS
    assert Weights(alpha=15, beta=15, gamma=0) == DIGIT_WEIGHTS


@given(seed=seeds, first=weights, second=weights, share=st.floats(0, 1))
@settings(max_examples=25)
def test_l_g_is_affine_in_its_weights(seed, first, second, share):
    found = terms(seed)
    mixed = Weights(
        *(share * a + (1 - share) * b for a, b in zip(astuple(first), astuple(second), strict=True))
    )
    torch.testing.assert_close(
        losses.l_g(*found, mixed),
        share * losses.l_g(*found, first) + (1 - share) * losses.l_g(*found, second),
    )


@given(seed=seeds, chosen=weights, tv=st.floats(0, 1e6))
@settings(max_examples=25)
def test_without_gamma_total_variation_does_not_matter(seed, chosen, tv):
    gang, const, tid, own = terms(seed)
    without = Weights(chosen.alpha, chosen.beta, 0.0)
    other = torch.tensor(tv, dtype=torch.float64)
    assert losses.l_g(gang, const, tid, own, without) == losses.l_g(
        gang, const, tid, other, without
    )


def test_each_weight_is_its_terms():
    gang, const, tid, tv = (torch.tensor(value) for value in (1.0, 10.0, 100.0, 1000.0))
    assert losses.l_g(gang, const, tid, tv, Weights(2, 3, 4)).item() == 1 + 20 + 300 + 4000


def test_no_gradient_reaches_f_but_one_goes_through_it():
    torch.manual_seed(0)
    transfer = DomainTransfer(Encoder(TINY), Generator(TINY))
    s = torch.randn(4, 3, 32, 32)
    loss = losses.l_const(transfer.f(s), transfer.f(transfer(s)))
    loss.backward()
    assert all(weight.grad is None for weight in transfer.f.parameters())
    reached = [weight.grad for weight in transfer.g.parameters()]
    assert all(gradient is not None for gradient in reached)
    assert reached[0].abs().sum() > 0


# --- the baseline -------------------------------------------------------------------------------


@given(seed=seeds)
@settings(max_examples=25)
def test_the_baselines_d_is_binary(seed):
    of_s, real = random(seed, 6, 1), random(seed + 1, 6, 1)
    chance = torch.sigmoid
    expected = -(1 - chance(of_s)).log().mean() - chance(real).log().mean()
    torch.testing.assert_close(losses.r_gan_d(of_s, real), expected)
    torch.testing.assert_close(losses.r_gan_g(of_s), -chance(of_s).log().mean())


@given(place=st.integers(0, 3), broken=st.sampled_from([math.nan, math.inf, -math.inf]))
def test_the_first_term_that_is_no_number_is_named(place, broken):
    found = {name: torch.tensor(1.0) for name in ("L_GANG", "L_CONST", "L_TID", "L_TV")}
    assert losses.not_finite(found) is None
    name = list(found)[place]
    found[name] = torch.tensor(broken)
    assert losses.not_finite(found) == name
