"""A step: what moves by which loss, and what stands still meanwhile."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import nn

from harness.errors import MethodError
from reference.content_transfer import losses
from reference.content_transfer.data import as_floats, rendered_pictures
from reference.content_transfer.settings import LEFT_OUT, Settings
from reference.content_transfer.trainer import LONGEST_GRADIENT, Trainer

PICTURES = rendered_pictures(16, 32, 2)
TERMS = {"L_rec^A", "L_rec^B", "L_DC", "L_D"}


def trainer(**changes) -> Trainer:
    settings = Settings(**{"width": 0.1, "sep": 2, "batch": 4, "steps": 4, **changes})
    return Trainer(PICTURES, settings, seed=0)


def batch(count: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    sides = PICTURES.plain, PICTURES.content
    a, b = (as_floats(torch.from_numpy(side.images[:count])) for side in sides)
    return a, b


def weights(network: nn.Module) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in network.parameters()]


def moved(network: nn.Module, before: list[torch.Tensor]) -> bool:
    return any(
        not torch.equal(new, old) for new, old in zip(network.parameters(), before, strict=True)
    )


def test_the_auto_encoders_step_moves_all_but_the_discriminator():
    one = trainer()
    parts = one.networks.e1, one.networks.e2, one.networks.decoder
    before, d_before = [weights(part) for part in parts], weights(one.discriminator)
    terms = one.auto_encoder_step(*batch())
    assert all(moved(part, old) for part, old in zip(parts, before, strict=True))
    assert not moved(one.discriminator, d_before)
    assert all(weight.requires_grad for weight in one.discriminator.parameters())
    assert set(terms) == TERMS - {"L_D"}


def test_the_discriminators_step_moves_it_alone():
    one = trainer()
    before, d_before = weights(one.networks), weights(one.discriminator)
    assert set(one.discriminator_step(*batch())) == {"L_D"}
    assert not moved(one.networks, before)
    assert moved(one.discriminator, d_before)


def test_the_discriminator_learns_the_domains_of_a_code_that_stands_still():
    one = trainer(d_lr=0.01)
    found = [one.discriminator_step(*batch(16))["L_D"].item() for _ in range(60)]
    assert found[-1] < 0.5 * found[0]


@pytest.mark.parametrize("variant", LEFT_OUT)
def test_a_variant_leaves_one_loss_out(variant):
    one, whole = trainer(variant=variant), trainer()
    left_out = LEFT_OUT[variant]
    terms = one.step(*batch())
    whole_terms = whole.step(*batch())
    # What is left out of the sum is still reported, but for the confusion, which has no D then.
    assert set(terms) == (TERMS - {"L_DC", "L_D"} if left_out == "L_DC" else TERMS)
    for name in ("L_rec^A", "L_rec^B"):
        assert terms[name] == whole_terms[name]
    same = not moved(one.networks, weights(whole.networks))
    assert same == (variant == "full")


def test_without_the_reconstruction_of_b_nothing_teaches_e2():
    one = trainer(variant="no_rec_b")
    before = weights(one.networks.e2)
    one.step(*batch())
    assert not moved(one.networks.e2, before)


@given(confusion=st.floats(0, 1), seed=st.integers(0, 1000))
@hypothesis_settings(max_examples=10, deadline=None)
def test_a_step_goes_down_the_gradient_of_the_whole_loss(confusion, seed):
    one = trainer(confusion=confusion)
    one._optimizer = torch.optim.SGD(one.networks.parameters(), lr=0.01)
    other = copy.deepcopy(one.networks)
    a, b = batch()
    made = other.both(a, b)
    logits = one.discriminator(made.plain_code), one.discriminator(made.content_code)
    recs = losses.l_rec_a(made.plain, a), losses.l_rec_b(made.content, b)
    total = losses.l_ae(*recs, losses.l_dc(*logits), confusion)
    gradients = torch.autograd.grad(total, list(other.parameters()))
    assert sum(gradient.square().sum() for gradient in gradients) < LONGEST_GRADIENT**2
    before = weights(one.networks)
    one.auto_encoder_step(a, b)
    for old, new, gradient in zip(before, one.networks.parameters(), gradients, strict=True):
        torch.testing.assert_close(new.detach(), old - 0.01 * gradient, atol=1e-6, rtol=1e-3)


def test_a_long_gradient_is_cut():
    one = trainer(confusion=1000)
    with torch.no_grad():
        for weight in one.discriminator.parameters():
            weight.mul_(100)
    one._optimizer = torch.optim.SGD(one.networks.parameters(), lr=1.0)
    before = weights(one.networks)
    one.auto_encoder_step(*batch())
    step = sum(
        (new - old).square().sum().item()
        for new, old in zip(one.networks.parameters(), before, strict=True)
    )
    assert step**0.5 == pytest.approx(LONGEST_GRADIENT, rel=1e-3)


def test_half_of_the_pictures_are_mirrored():
    one = trainer(batch=64)
    images = torch.from_numpy(PICTURES.plain.images)
    drawn = one._batch(images, torch.Generator().manual_seed(0))
    kept = as_floats(images)
    straight = (drawn[:, None] == kept).flatten(2).all(2).any(1)
    turned = (drawn[:, None] == kept.flip(3)).flatten(2).all(2).any(1)
    assert (straight ^ turned).all()
    assert 16 <= turned.sum() <= 48


def test_a_state_is_all_that_the_next_step_starts_from():
    one, other = trainer(), trainer()
    one.run(0, 3)
    # As from a file: optimisers share the tensors that they are given.
    other.restore(copy.deepcopy(one.state()))
    assert one.run(3, 5) == other.run(3, 5)
    assert not moved(other.networks, weights(one.networks))
    assert not moved(other.discriminator, weights(one.discriminator))


@pytest.mark.parametrize(
    ("network", "variant", "term"),
    [
        ("networks", "full", r"L_rec\^A"),
        ("discriminator", "full", "L_DC"),
        ("networks", "no_confusion", r"L_rec\^A"),
    ],
)
def test_a_loss_that_is_no_number_is_named_with_its_step(network, variant, term):
    one = trainer(variant=variant)
    with torch.no_grad():
        next(getattr(one, network).parameters()).fill_(float("nan"))
    with pytest.raises(MethodError, match=rf"diverged at step 8: {term} is no number") as caught:
        one.run(7, 9)
    assert "lr" in caught.value.remedy


def test_weights_that_are_no_numbers_are_named_even_if_no_loss_saw_them():
    one = trainer(variant="no_confusion")
    one._schedule = lambda number: None
    one._optimizer.param_groups[0]["lr"] = float("inf")
    with pytest.raises(MethodError, match="step 1: weights of the networks are no numbers"):
        one.run(0, 1)


def test_the_auto_encoders_rate_falls_and_the_discriminators_stays():
    one = trainer(steps=10, lr=0.01, d_lr=0.03)
    found = []
    for number in (0, 5, 10):
        one._schedule(number)
        found.append(one._optimizer.param_groups[0]["lr"])
        assert one._d_optimizer.param_groups[0]["lr"] == 0.03
    assert found == pytest.approx([0.01, 0.005, 0])
