"""Algorithm 1: how often each network moves, what stands still meanwhile, and what it reports."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator

from harness.errors import MethodError
from reference.simgan import trainer as names
from reference.simgan.data import as_floats, rendered_pictures
from reference.simgan.settings import Settings
from reference.simgan.train import new_networks
from reference.simgan.trainer import Trainer

PICTURES = rendered_pictures(16, 16, 2)
SMALL = {"width": 0.05, "blocks": 1, "batch": 4, "refiner_steps": 3, "discriminator_steps": 2}


def trainer(**changes) -> Trainer:
    settings_ = Settings(**{**SMALL, "steps": 4, **changes})
    return Trainer(new_networks(settings_, 0), PICTURES, settings_, seed=0)


def stream() -> Generator:
    return Generator().manual_seed(0)


class Counter:
    """Counts the updates of an optimiser."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.count = 0
        optimizer.register_step_post_hook(self._count)

    def _count(self, *_):
        self.count += 1


def weights(network) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in network.parameters()]


def same(network, before) -> bool:
    return all(map(torch.equal, network.parameters(), before))


@given(kg=st.integers(1, 4), kd=st.integers(1, 4), steps=st.integers(1, 3))
@settings(max_examples=6)
def test_each_step_updates_the_refiner_kg_and_the_discriminator_kd_times(kg, kd, steps):
    one = trainer(kg=kg, kd=kd, steps=steps, refiner_steps=3, discriminator_steps=2)
    refiner, discriminator = (
        Counter(optimizer) for optimizer in (one._refiner_optimizer, one._discriminator_optimizer)
    )
    done, phases = 0, []
    while done < one.total:
        stop = one.boundary(done, 2)
        row = one.run(done, stop)
        phases += [row.phase] * (stop - done)
        done = stop
    assert phases == ["refiner"] * 3 + ["discriminator"] * 2 + ["game"] * steps
    assert refiner.count == 3 + kg * steps
    assert discriminator.count == 2 + kd * steps


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_one_network_stands_still_while_the_other_moves(optimizer):
    one = trainer(optimizer=optimizer)
    refiner, discriminator = weights(one.refiner), weights(one.discriminator)
    one.refiner_step(stream())
    assert same(one.discriminator, discriminator)
    assert not same(one.refiner, refiner)
    refiner = weights(one.refiner)
    one.discriminator_step(stream())
    assert same(one.refiner, refiner)
    assert not same(one.discriminator, discriminator)


def test_the_refiner_alone_learns_to_change_nothing():
    one = trainer(refiner_steps=60, lr=0.005)
    first, last = one.run(0, 1), one.run(1, 60)
    assert last.terms.keys() == {names.SELF_REGULARIZATION}
    assert one.run(59, 60).terms[names.SELF_REGULARIZATION] < first.terms[names.SELF_REGULARIZATION]


def test_a_step_of_sgd_goes_down_the_papers_loss():
    # What the refiner's step changes is the gradient of equation (4) on that very batch.
    from reference.simgan.losses import refiner_loss

    one = trainer(optimizer="sgd", lr=0.01, weight=0.3)
    places = torch.randint(16, (4,), generator=stream())
    synthetic = as_floats(torch.from_numpy(PICTURES.synthetic.images)[places])
    refined = one.refiner(synthetic)
    loss = refiner_loss(one.discriminator(refined), refined, synthetic, 0.3)
    gradients = torch.autograd.grad(loss, list(one.refiner.parameters()))
    before = weights(one.refiner)
    one.refiner_step(stream())
    for old, new, gradient in zip(before, one.refiner.parameters(), gradients, strict=True):
        torch.testing.assert_close(new.detach(), old - 0.01 * gradient, atol=1e-6, rtol=1e-4)


def test_the_history_fills_by_half_a_batch_an_update():
    one = trainer(history=5)
    for wanted in (2, 4, 5, 5):
        one.discriminator_step(stream())
        assert len(one.pool) == wanted
    assert trainer(history=0).pool is None


def test_a_state_is_all_that_the_next_step_starts_from():
    one, other = trainer(), trainer()
    one.run(0, 3), one.run(3, 5), one.run(5, 7)
    # As from a file: optimisers share the tensors that they are given.
    other.restore(copy.deepcopy(one.state()))
    rows = [part.run(7, 9) for part in (one, other)]
    assert rows[0] == rows[1]
    assert same(other.refiner, weights(one.refiner))
    assert same(other.discriminator, weights(one.discriminator))


def test_rows_end_with_their_phase():
    one = trainer(steps=100)
    ends, done = [], 0
    while done < one.total:
        done = one.boundary(done, 25)
        ends.append(done)
    assert ends == [3, 5, 30, 55, 80, 105]


@pytest.mark.parametrize(
    ("network", "start", "term"),
    [
        ("refiner", 0, names.SELF_REGULARIZATION),
        ("refiner", 3, names.REFINED_TERM),
        ("discriminator", 3, names.REFINED_TERM),
        ("discriminator", 5, names.REALISM),
    ],
)
def test_a_loss_that_is_no_number_is_named_with_its_step(network, start, term):
    one = trainer()
    with torch.no_grad():
        next(getattr(one, network).parameters()).fill_(float("nan"))
    with pytest.raises(MethodError, match="diverged") as caught:
        one.run(start, start + 2)
    assert term in caught.value.cause
    assert f"step {start + 1}" in caught.value.cause
    assert "lr" in caught.value.remedy


def test_weights_that_are_no_numbers_are_named_even_if_no_loss_saw_them():
    one = trainer(optimizer="sgd", lr=1.0)
    one._refiner_optimizer.param_groups[0]["lr"] = float("inf")
    with pytest.raises(MethodError, match="weights of the refiner"):
        one.run(0, 1)


def test_rows_report_the_means_of_the_papers_terms():
    row = trainer().run(5, 8)
    assert set(row.terms) == {
        names.SELF_REGULARIZATION,
        names.REALISM,
        names.REFINED_TERM,
        names.REAL_TERM,
        names.ACCURACY,
    }
    assert 0 <= row.terms[names.ACCURACY] <= 1
    assert row.step == 8
