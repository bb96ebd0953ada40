"""The losses: values, signs, and what they do not look at."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reference.blocks.gan_losses import discriminator_loss as generic_discriminator_loss
from reference.blocks.gan_losses import sum_over_map
from reference.simgan import losses
from reference.simgan.structure import REFINED, TRANSFORM_NAMES

seeds = st.integers(0, 2**31 - 1)
sides = st.integers(1, 6)
transforms = st.sampled_from(list(losses.TRANSFORMS.values()))


def drawn(seed: int, *shape: int) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=stream, dtype=torch.float64)


def maps(probability: torch.Tensor) -> torch.Tensor:
    """Return logits [N, 2, h, w] of a D that gives this probability [N, h, w]."""
    zero = torch.zeros_like(probability)
    odds = torch.logit(probability)
    return torch.stack([odds, zero] if REFINED == 0 else [zero, odds], dim=1)


@given(height=sides, width=sides, count=st.integers(1, 4))
def test_an_undecided_discriminator_costs_log_two_a_place(height, width, count):
    undecided = torch.zeros(count, 2, height, width)
    places = height * width
    loss = losses.discriminator_loss(undecided, undecided)
    assert loss.item() == pytest.approx(2 * places * math.log(2), rel=1e-6)
    assert losses.realism(undecided).item() == pytest.approx(places * math.log(2), rel=1e-6)


def test_the_eye_map_undecided_costs_what_the_arithmetic_says():
    undecided = torch.zeros(1, 2, 9, 14)
    assert losses.discriminator_loss(undecided, undecided).item() == pytest.approx(
        174.673, abs=1e-3
    )


@given(seed=seeds)
def test_the_losses_are_those_of_the_paper_in_probabilities(seed):
    refined, real = (torch.sigmoid(drawn(seed + n, 3, 2, 4)) for n in (0, 1))
    paper = -(torch.log(refined).sum() + torch.log(1 - real).sum()) / 3
    torch.testing.assert_close(losses.discriminator_loss(maps(refined), maps(real)), paper)
    torch.testing.assert_close(losses.realism(maps(refined)), -torch.log(1 - refined).sum() / 3)


@given(probability=st.floats(0.01, 0.99))
def test_the_refiner_wants_the_discriminator_lower(probability):
    value = torch.tensor([[[probability]]], dtype=torch.float64, requires_grad=True)
    losses.realism(maps(value)).backward()
    assert value.grad.item() == pytest.approx(1 / (1 - probability), rel=1e-6)


@given(seed=seeds)
def test_each_term_of_the_discriminator_pushes_its_own_way(seed):
    refined, real = (drawn(seed + n, 2, 2, 3, 3).requires_grad_() for n in (0, 1))
    losses.discriminator_loss(refined, real).backward()
    up, down = losses.log_odds(refined.grad), losses.log_odds(real.grad)
    assert (up < 0).all()
    assert (down > 0).all()


@given(seed=seeds)
def test_it_is_the_mirror_image_of_the_usual_loss(seed):
    refined, real = drawn(seed, 2, 2, 3, 3), drawn(seed + 1, 2, 2, 3, 3)
    usual = generic_discriminator_loss(
        -losses.log_odds(real), -losses.log_odds(refined), "real", sum_over_map
    )
    torch.testing.assert_close(losses.discriminator_loss(refined, real), usual)


@given(seed=seeds, refined=st.booleans())
def test_the_local_loss_is_the_sum_of_its_places_in_any_order(seed, refined):
    logits = drawn(seed, 2, 2, 3, 5)
    whole = losses.local_adversarial(logits, refined)
    order = torch.randperm(15, generator=torch.Generator().manual_seed(seed))
    shuffled = logits.flatten(2)[:, :, order].view_as(logits)
    torch.testing.assert_close(losses.local_adversarial(shuffled, refined), whole)
    places = [
        losses.local_adversarial(logits[:, :, row : row + 1, column : column + 1], refined)
        for row in range(3)
        for column in range(5)
    ]
    torch.testing.assert_close(sum(places), whole)


@given(seed=seeds, refined=st.booleans())
def test_a_map_of_one_place_is_the_global_loss(seed, refined):
    logits = drawn(seed, 4, 2, 1, 1)
    target = torch.full((4,), REFINED if refined else 1 - REFINED)
    cross_entropy = torch.nn.functional.cross_entropy(logits.flatten(1), target)
    torch.testing.assert_close(losses.local_adversarial(logits, refined), cross_entropy)


@given(seed=seeds, refined=st.booleans())
def test_the_order_of_the_batch_does_not_matter(seed, refined):
    logits = drawn(seed, 5, 2, 2, 3)
    order = torch.randperm(5, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(
        losses.local_adversarial(logits[order], refined), losses.local_adversarial(logits, refined)
    )


@given(seed=seeds, transform=transforms)
def test_a_refiner_that_changes_nothing_costs_nothing(seed, transform):
    images = drawn(seed, 2, 3, 4, 5)
    assert losses.self_regularization(images, images, transform).item() == 0


@given(seed=seeds, transform=transforms)
def test_self_regularisation_sees_every_change_of_the_feature(seed, transform):
    images, change = drawn(seed, 2, 3, 4, 5), torch.zeros(2, 3, 4, 5, dtype=torch.float64)
    change[1, :, seed % 4, seed % 5] = 0.5
    found = losses.self_regularization(images + change, images, transform).item()
    feature = transform(change).abs().sum().item() / 2
    assert found == pytest.approx(feature)
    assert found > 0


@given(seed=seeds)
def test_the_colour_mean_ignores_chroma_and_identity_does_not(seed):
    images, chroma = drawn(seed, 2, 3, 4, 5), drawn(seed + 1, 2, 3, 4, 5)
    chroma = chroma - chroma.mean(dim=1, keepdim=True)
    mean = losses.self_regularization(images + chroma, images, losses.colour_mean)
    assert mean.item() == pytest.approx(0, abs=1e-12)
    assert losses.self_regularization(images + chroma, images, losses.identity).item() > 0.01


@given(seed=seeds, weights=st.tuples(*[st.floats(0, 100)] * 2), share=st.floats(0, 1))
def test_the_refiners_loss_is_affine_in_its_weight(seed, weights, share):
    logits, refined, images = drawn(seed, 2, 2, 3, 3), drawn(seed, 2, 1, 4, 4), drawn(9, 2, 1, 4, 4)

    def loss(weight: float) -> float:
        return losses.refiner_loss(logits, refined, images, weight).item()

    low, high = weights
    between = share * low + (1 - share) * high
    assert loss(between) == pytest.approx(share * loss(low) + (1 - share) * loss(high), rel=1e-9)
    assert loss(0) == pytest.approx(losses.realism(logits).item())


def test_certain_and_right_costs_nothing_and_stays_finite_when_wrong():
    certain = torch.full((1, 1, 1), 1.0)
    logits = maps(certain).nan_to_num(posinf=200.0)
    assert losses.local_adversarial(logits, True).item() == 0
    assert losses.local_adversarial(logits, False).item() == pytest.approx(200)


def test_options_name_every_transform():
    assert set(TRANSFORM_NAMES) == set(losses.TRANSFORMS)
