"""The losses: values, signs, and what they do not look at."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from reference.blocks.gan_losses import discriminator_loss, generator_loss
from reference.content_transfer import losses

seeds = st.integers(0, 2**31 - 1)
counts = st.integers(1, 6)
RECONSTRUCTIONS = [losses.l_rec_a, losses.l_rec_b]
OF_LOGITS = [losses.l_dc, losses.l_d]


def drawn(seed: int, *shape: int) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=stream, dtype=torch.float64)


@pytest.mark.parametrize("loss", RECONSTRUCTIONS)
@given(seed=seeds)
def test_a_reconstruction_costs_nothing_only_if_it_is_exact(loss, seed):
    pictures = drawn(seed, 2, 3, 4, 5)
    assert loss(pictures, pictures.clone()).item() == 0
    changed = pictures.clone()
    changed[seed % 2, seed % 3, seed % 4, seed % 5] += 1e-3
    assert loss(changed, pictures).item() == pytest.approx(1e-6 / pictures.numel())


@pytest.mark.parametrize("loss", RECONSTRUCTIONS)
@given(seed=seeds)
def test_a_reconstruction_is_the_mean_square_and_symmetric(loss, seed):
    one, other = drawn(seed, 2, 3, 4, 5), drawn(seed + 1, 2, 3, 4, 5)
    torch.testing.assert_close(loss(one, other), ((one - other) ** 2).mean())
    assert loss(one, other) == loss(other, one)


@given(of_a=counts, of_b=counts)
def test_an_undecided_discriminator_costs_two_log_two_either_side(of_a, of_b):
    undecided = torch.zeros(of_a), torch.zeros(of_b)
    for loss in OF_LOGITS:
        assert loss(*undecided).item() == pytest.approx(2 * math.log(2), rel=1e-6)


@given(seed=seeds, of_a=counts, of_b=counts)
def test_they_are_the_cross_entropies_of_the_authors_code(seed, of_a, of_b):
    a, b = drawn(seed, of_a), drawn(seed + 1, of_b)
    zero, one = torch.zeros_like, torch.ones_like
    entropy = F.binary_cross_entropy_with_logits
    torch.testing.assert_close(losses.l_dc(a, b), entropy(a, zero(a)) + entropy(b, zero(b)))
    torch.testing.assert_close(losses.l_d(a, b), entropy(a, zero(a)) + entropy(b, one(b)))


@given(seed=seeds)
def test_they_are_those_of_the_shared_room(seed):
    a, b = drawn(seed, 4), drawn(seed + 1, 4)
    torch.testing.assert_close(losses.l_d(a, b), discriminator_loss(b, a))
    torch.testing.assert_close(
        losses.l_dc(a, b), generator_loss(a, "fake") + generator_loss(b, "fake")
    )


@given(seed=seeds)
def test_the_encoder_wants_both_taken_for_a_and_the_discriminator_only_a(seed):
    a, b = drawn(seed, 3).requires_grad_(), drawn(seed + 1, 3).requires_grad_()
    confused = torch.autograd.grad(losses.l_dc(a, b), (a, b))
    assert all((gradient > 0).all() for gradient in confused)
    of_a, of_b = torch.autograd.grad(losses.l_d(a, b), (a, b))
    assert (of_a > 0).all()
    assert (of_b < 0).all()


@given(seed=seeds)
def test_only_b_pushes_against_what_the_discriminator_is_taught(seed):
    a, b = drawn(seed, 3).requires_grad_(), drawn(seed + 1, 3).requires_grad_()
    confused = torch.autograd.grad(losses.l_dc(a, b), (a, b))
    taught = torch.autograd.grad(losses.l_d(a, b), (a, b))
    torch.testing.assert_close(confused[0], taught[0])
    assert ((confused[1] > 0) != (taught[1] > 0)).all()


@pytest.mark.parametrize("loss", [*RECONSTRUCTIONS, *OF_LOGITS])
@given(seed=seeds)
def test_the_order_of_the_batch_does_not_matter(loss, seed):
    shape = (5, 3, 2, 2) if loss in RECONSTRUCTIONS else (5,)
    one, other = drawn(seed, *shape), drawn(seed + 1, *shape)
    order = torch.randperm(5, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(loss(one[order], other[order]), loss(one, other))


@given(seed=seeds)
def test_domains_may_be_ordered_apart(seed):
    a, b = drawn(seed, 4), drawn(seed + 1, 4)
    for loss in OF_LOGITS:
        torch.testing.assert_close(loss(a.flip(0), b), loss(a, b))


@given(parts=st.tuples(*[st.floats(0, 10)] * 3), weight=st.floats(0, 100))
def test_the_sum_weighs_the_confusion_alone(parts, weight):
    rec_a, rec_b, dc = (torch.tensor(part, dtype=torch.float64) for part in parts)
    expected = parts[0] + parts[1] + weight * parts[2]
    assert losses.l_ae(rec_a, rec_b, dc, weight).item() == pytest.approx(expected, abs=1e-12)


def test_the_weight_is_that_of_the_authors_code():
    nothing, one = torch.zeros(()), torch.ones(())
    assert losses.l_ae(nothing, nothing, one).item() == pytest.approx(0.001)
    assert losses.l_ae(one, nothing, nothing).item() == 1
    assert losses.l_ae(nothing, one, nothing).item() == 1


def test_a_discriminator_that_is_sure_and_wrong_stays_finite():
    sure = torch.tensor([200.0])
    assert losses.l_dc(-sure, -sure).item() == pytest.approx(0, abs=1e-6)
    assert losses.l_dc(sure, sure).item() == pytest.approx(400)
    assert losses.l_d(-sure, sure).item() == pytest.approx(0, abs=1e-6)


def test_the_first_term_that_is_no_number_is_named():
    fine, nan, inf = (torch.tensor(value) for value in (1.0, math.nan, math.inf))
    assert losses.not_finite({"L_rec^A": fine, "L_DC": nan, "L_D": inf}) == "L_DC"
    assert losses.not_finite({"L_rec^A": fine}) is None
