"""Adversarial losses: values, mirror images, and which way their gradients push."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.blocks import gan_losses

seeds = st.integers(0, 2**31 - 1)
senses = st.sampled_from(["real", "fake"])
reductions = st.sampled_from([torch.mean, gan_losses.sum_over_map])
LOSSES_OF_FAKE = [gan_losses.generator_loss, gan_losses.minimax_generator_loss]


def logits(seed: int, shape: tuple[int, ...] = (5, 2, 3, 4)) -> tuple[torch.Tensor, torch.Tensor]:
    stream = torch.Generator().manual_seed(seed)
    scale = 4.0
    return tuple(scale * torch.randn(shape, generator=stream, dtype=torch.float64) for _ in "rf")


@given(seed=seeds, reduce=reductions)
@settings(max_examples=25)
def test_turning_the_sign_of_the_logits_turns_the_sense(seed, reduce):
    real, fake = logits(seed)
    torch.testing.assert_close(
        gan_losses.discriminator_loss(real, fake, "real", reduce),
        gan_losses.discriminator_loss(-real, -fake, "fake", reduce),
    )
    for loss in LOSSES_OF_FAKE:
        torch.testing.assert_close(loss(fake, "real", reduce), loss(-fake, "fake", reduce))


@given(seed=seeds, sense=senses)
@settings(max_examples=25)
def test_the_discriminators_loss_is_pytorchs_cross_entropy(seed, sense):
    real, fake = logits(seed)
    label = float(sense == "real")
    expected = F.binary_cross_entropy_with_logits(real, torch.full_like(real, label))
    expected += F.binary_cross_entropy_with_logits(fake, torch.full_like(fake, 1 - label))
    torch.testing.assert_close(gan_losses.discriminator_loss(real, fake, sense), expected)


@given(seed=seeds, sense=senses)
@settings(max_examples=25)
def test_swapping_the_batches_is_the_other_sense(seed, sense):
    real, fake = logits(seed)
    other = "fake" if sense == "real" else "real"
    torch.testing.assert_close(
        gan_losses.discriminator_loss(real, fake, sense),
        gan_losses.discriminator_loss(fake, real, other),
    )


@given(sense=senses)
def test_an_undecided_discriminator(sense):
    half = torch.zeros(4, 1, 9, 14)
    places = 9 * 14
    loss = gan_losses.discriminator_loss(half, half, sense, gan_losses.sum_over_map)
    assert loss.item() == pytest.approx(2 * places * math.log(2), rel=1e-5)
    mean = gan_losses.discriminator_loss(half, half, sense)
    assert mean.item() == pytest.approx(2 * math.log(2), rel=1e-5)
    assert gan_losses.generator_loss(half, sense).item() == pytest.approx(math.log(2), rel=1e-5)


@given(seed=seeds, sense=senses)
@settings(max_examples=25)
def test_generator_and_discriminator_pull_the_fakes_apart(seed, sense):
    real, fake = logits(seed)
    fake.requires_grad_()
    for_d = torch.autograd.grad(gan_losses.discriminator_loss(real, fake, sense), fake)[0]
    towards_real = -1 if sense == "real" else 1
    assert (for_d * towards_real < 0).all()
    for loss in LOSSES_OF_FAKE:
        for_g = torch.autograd.grad(loss(fake, sense), fake)[0]
        assert (for_g * towards_real > 0).all()


def test_only_the_minimax_form_fades_where_the_discriminator_is_sure():
    sure = torch.full((3, 1), -30.0, requires_grad=True)
    strong = torch.autograd.grad(gan_losses.generator_loss(sure), sure)[0].abs().sum()
    weak = torch.autograd.grad(gan_losses.minimax_generator_loss(sure), sure)[0].abs().sum()
    assert strong > 0.99
    assert weak < 1e-10


def test_a_sure_and_right_discriminator_has_no_loss_and_a_wrong_one_a_finite_one():
    sure = torch.full((3, 1), 200.0)
    assert gan_losses.discriminator_loss(sure, -sure).item() == 0
    assert gan_losses.discriminator_loss(-sure, sure).item() == pytest.approx(400)


@given(seed=seeds, sense=senses, reduce=reductions)
@settings(max_examples=25)
def test_order_in_the_batch_and_on_the_map_does_not_matter(seed, sense, reduce):
    real, fake = logits(seed)
    items = torch.randperm(len(real), generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(
        gan_losses.discriminator_loss(real[items], fake.flip(2), sense, reduce),
        gan_losses.discriminator_loss(real, fake, sense, reduce),
    )


@given(seed=seeds)
@settings(max_examples=25)
def test_a_map_summed_is_the_sum_of_its_places(seed):
    real, fake = logits(seed)
    whole = gan_losses.discriminator_loss(real, fake, reduce=gan_losses.sum_over_map)
    places = zip(real.flatten(1).unbind(1), fake.flatten(1).unbind(1), strict=True)
    parts = [gan_losses.discriminator_loss(r, f) for r, f in places]
    torch.testing.assert_close(whole, torch.stack(parts).sum())


@given(seed=seeds, index=st.integers(0, 2), shift=st.floats(-50, 50))
@settings(max_examples=25)
def test_class_loss_is_cross_entropy_and_knows_no_common_shift(seed, index, shift):
    given_logits, _ = logits(seed, (6, 3))
    labels = torch.full((6,), index)
    expected = F.cross_entropy(given_logits, labels, reduction="none")
    torch.testing.assert_close(gan_losses.class_loss(given_logits, index), expected)
    torch.testing.assert_close(gan_losses.class_loss(given_logits + shift, index), expected)


def test_two_classes_are_one_logit():
    pair, _ = logits(0, (6, 2))
    difference = pair[:, 1] - pair[:, 0]
    torch.testing.assert_close(
        gan_losses.class_loss(pair, 1), gan_losses.log_loss(difference, target=True)
    )


@given(seed=seeds)
@settings(max_examples=25)
def test_least_squares(seed):
    real, fake = logits(seed)
    ones, zeros = torch.ones_like(real), torch.zeros_like(fake)
    assert gan_losses.least_squares_discriminator_loss(ones, zeros) == 0
    assert gan_losses.least_squares_generator_loss(ones) == 0
    assert gan_losses.least_squares_discriminator_loss(ones / 2, ones / 2) == pytest.approx(0.5)
    # The mirror image: what is real and what fake change places as 1 − D takes D's.
    torch.testing.assert_close(
        gan_losses.least_squares_discriminator_loss(real, fake),
        gan_losses.least_squares_discriminator_loss(1 - fake, 1 - real),
    )
