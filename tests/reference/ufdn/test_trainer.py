"""One step: its order, who learns from which term, and what of a batch matters."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import DataError
from reference.dtn.data import Side
from reference.ufdn import losses
from reference.ufdn.data import Domains
from reference.ufdn.settings import (
    PUBLISHED_ADAPTATION,
    PUBLISHED_FACES,
    VARIANTS,
    Ramp,
    Settings,
)
from reference.ufdn.trainer import Trainer, shifted

N, CLASSES = 8, 4
QUICK = Settings(width=1 / 64, code=8, batch=4, d_steps=2, d_width=1 / 64, ramp=1, lr=1e-3)


def noise(seed: int, count: int = N, labels: bool = True) -> Side:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)
    known = rng.integers(0, CLASSES, count) if labels else None
    return Side(tuple(f"{seed}-{n}" for n in range(count)), images, known)


def domains(count: int = 2, **sizes: int) -> Domains:
    sides = tuple(noise(n, sizes.get(f"d{n}", N)) for n in range(count))
    names = tuple(f"d{n}" for n in range(count))
    return Domains(names, sides, sides, tuple(map(str, range(CLASSES))), "")


def trainer(options: Settings = QUICK, count: int = 2, seed: int = 0) -> Trainer:
    return Trainer(domains(count), options, seed, epochs=2)


def batch(seed: int = 0, count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    stream = torch.Generator().manual_seed(seed)
    pictures = torch.rand(count * 4, 3, 32, 32, generator=stream) * 2 - 1
    labels = torch.randint(CLASSES, (count * 4,), generator=stream)
    labels[4:] = losses.UNLABELLED
    return pictures, labels


def moved(before: dict[str, torch.Tensor], after: torch.nn.Module) -> set[str]:
    return {name for name, now in after.named_parameters() if not torch.equal(before[name], now)}


def copied(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: one.detach().clone() for name, one in network.named_parameters()}


# --- weights ------------------------------------------------------------------------------------


def test_published_weights():
    one = PUBLISHED_ADAPTATION
    assert [ramp.at(0) for ramp in (one.pix_recon, one.kl, one.feat_domain, one.digit)] == [
        *(1, 1e-7, 0.1, 1)
    ]
    faces = PUBLISHED_FACES
    found = {name: (ramp.at(0), ramp.at(10**6)) for name, ramp in vars(faces).items()}
    assert found["pix_recon"] == (100, pytest.approx(1))
    assert found["kl"] == (1e-6, 1e-6)
    assert found["feat_domain"] == (0, 1)
    assert found["gp"] == (100, 100)
    assert found["pix_adv"] == found["pix_clf"] == (0, 1e-6)
    assert faces.pix_recon.at(500) == pytest.approx(50.5)
    assert faces.feat_domain.at(2500) == pytest.approx(0.25)


@given(
    initial=st.floats(-100, 100),
    final=st.floats(-100, 100),
    steps=st.integers(1, 50),
    step=st.integers(0, 200),
)
def test_a_ramp_stays_between_its_ends_and_is_at_them(initial, final, steps, step):
    ramp = Ramp(initial, final, steps)
    low, high = sorted((initial, final))
    assert low - 1e-9 <= ramp.at(step) <= high + 1e-9
    assert ramp.at(0) == initial
    assert ramp.at(steps + step) == pytest.approx(final, abs=1e-9)


def test_variants_leave_out_what_they_say():
    found = {
        name: {term for term, ramp in vars(Settings(variant=name).weights).items() if ramp.final}
        for name in VARIANTS
    }
    assert found["full"] == {"pix_recon", "kl", "feat_domain", "digit"}
    assert found["no_adversary"] == {"pix_recon", "kl", "digit"}
    assert found["source_only"] == {"digit"}


# --- one step -----------------------------------------------------------------------------------


def separate_phases(one: Trainer, pictures: torch.Tensor, labels: torch.Tensor) -> None:
    """Collect gradients as the authors do: the batch encoded anew for each term."""
    own = torch.eye(2).repeat_interleave(4, dim=0)
    weights = {name: ramp.at(1) for name, ramp in vars(one.settings.weights).items()}
    one._optimizer.zero_grad()
    mean, log_variance = one.vae.encoder(pictures)
    made = one.vae.decoder(one.vae.sample(mean, log_variance), own)
    rest = weights["kl"] * losses.kl_divergence(mean, log_variance)
    (weights["pix_recon"] * losses.reconstruction(pictures, made) + rest).backward()
    inverted = losses.label_inversion(one.d_feat(one.vae.code(pictures)), own)
    (weights["feat_domain"] * inverted).backward()
    losses.digit_classification(one.head(one.vae.code(pictures)), labels).backward()


@given(seed=st.integers(0, 1000))
@settings(max_examples=5, deadline=None)
def test_one_encoding_gives_the_gradients_of_the_authors_three(seed):
    """With codes at their means, as the noise of three drawings is not one another's."""
    ours, theirs = trainer(seed=seed), trainer(seed=seed)
    for one in (ours, theirs):
        one.vae.sample = lambda mean, _: mean
        one.vae.train()
    found = {}
    ours._optimizer.step = lambda: found.update(
        {name: weight.grad.clone() for name, weight in ours.vae.named_parameters()}
    )
    ours.step(*batch(seed), number=1)
    theirs.d_feat.load_state_dict(ours.d_feat.state_dict())
    separate_phases(theirs, *batch(seed))
    for name, weight in theirs.vae.named_parameters():
        torch.testing.assert_close(found[name], weight.grad, atol=1e-6, rtol=1e-3)


def test_d_feat_learns_true_domains_and_moves_first():
    one, seen = trainer(), []
    real = losses.feature_discriminator

    def seeing(logits, labels):
        seen.append(("D_feat", labels.clone()))
        return real(logits, labels)

    def inverting(logits, labels):
        seen.append(("encoder", labels.clone()))
        return losses.F.binary_cross_entropy_with_logits(logits, 1 - labels)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(losses, "feature_discriminator", seeing)
        patch.setattr(losses, "label_inversion", inverting)
        one.step(*batch(), number=1)
    assert [name for name, _ in seen] == ["D_feat", "D_feat", "encoder"]
    for _, labels in seen:
        assert torch.equal(labels, torch.eye(2).repeat_interleave(4, dim=0))


def test_the_encoders_game_leaves_d_feat_alone():
    one = trainer()
    one._feat_optimizer.step = lambda: None
    before = copied(one.d_feat)
    one.vae.train()
    one.step(*batch(), number=1)
    assert not moved(before, one.d_feat)


def test_d_pix_teaches_the_decoder_alone():
    options = replace(QUICK, form="images", variant="full", pix_recon=0, kl=0, feat_domain=0)
    one = trainer(options, count=3)
    vae, d_feat, d_pix = copied(one.vae), copied(one.d_feat), copied(one.d_pix)
    one.vae.train()
    one.step(*batch(count=3), number=1)
    assert {name.split(".")[0] for name in moved(vae, one.vae)} == {"decoder"}
    assert not moved(d_feat, one.d_feat)
    # What all scores have in common is no matter of a critic.
    assert moved(d_pix, one.d_pix) == set(d_pix) - {"score.bias"}
    assert all(weight.requires_grad for weight in one.d_pix.parameters())


def test_pictures_are_made_for_the_next_domain_and_the_one_before_in_turn():
    one = trainer(count=3)
    domains_ = torch.eye(3)
    assert one._others(domains_, 0).argmax(1).tolist() == [1, 2, 0]
    assert one._others(domains_, 1).argmax(1).tolist() == [2, 0, 1]
    assert one._others(domains_, 2).argmax(1).tolist() == [1, 2, 0]


@pytest.mark.parametrize("change", ["labels", "images"])
def test_digits_of_targets_do_not_matter_but_through_the_norms(change):
    """In evaluation, where norms do not look at the batch, the digit term is the source's own."""
    one = trainer()
    one.vae.eval()
    pictures, labels = batch()
    other = pictures.clone()
    if change == "images":
        other[4:] = -other[4:]
    found = [
        losses.digit_classification(one.head(one.vae.code(p)), labels) for p in (pictures, other)
    ]
    gradients = [torch.autograd.grad(term, one.head.weight)[0] for term in found]
    torch.testing.assert_close(*gradients, atol=1e-6, rtol=1e-4)


def test_labels_of_targets_are_never_seen():
    one, seen = trainer(), []
    one.step = lambda pictures, labels, number: seen.append(labels) or {"digit": torch.zeros(())}
    one.run_epoch(0)
    assert all((labels[4:] == losses.UNLABELLED).all() for labels in seen)
    assert all((labels[:4] != losses.UNLABELLED).all() for labels in seen)


def test_a_source_alone_sees_no_target():
    one = trainer(replace(QUICK, variant="source_only"))
    seen = []
    real = one.step
    one.step = lambda pictures, labels, number: (
        seen.append(len(pictures)) or real(pictures, labels, number)
    )
    one.run_epoch(0)
    assert set(seen) == {one.batch}


@given(seed=st.integers(0, 1000))
@settings(max_examples=5, deadline=None)
def test_domains_may_change_their_places_together(seed):
    """Domains swapped in data, vector, decoder columns and D_feat: the terms stay."""
    pictures, _ = batch(seed)
    labels = torch.full((8,), losses.UNLABELLED)
    one = trainer(seed=seed)
    one.vae.sample = lambda mean, _: mean
    other = copy.deepcopy(one)
    with torch.no_grad():
        first = other.vae.decoder.body[0].weight
        first[-2:] = first[-2:].flip(0)
        last = other.d_feat.body[-1]
        last.weight.copy_(last.weight.flip(0))
        last.bias.copy_(last.bias.flip(0))
    for each in (one, other):
        each.vae.train()
        each._feat_optimizer.step = lambda: None
    found = one.step(pictures, labels, number=1)
    swapped = other.step(torch.cat([pictures[4:], pictures[:4]]), labels, number=1)
    for name, term in found.items():
        torch.testing.assert_close(swapped[name], term, atol=1e-4, rtol=1e-4)


# --- an epoch -----------------------------------------------------------------------------------


def test_a_domain_smaller_than_the_first_is_gone_through_again():
    one = Trainer(domains(d1=3), QUICK, 0, epochs=1)
    assert one.batch == 3
    seen = torch.cat(one._order(3, torch.Generator().manual_seed(0)))
    assert torch.bincount(seen).tolist() == [one.steps] * 3


def test_grey_pictures_are_inverted_on_every_other_step():
    scans = noise(0)
    grey = np.repeat(scans.images[:, :1], 3, axis=1)
    both = replace(domains(), train=(replace(scans, images=grey), noise(1)))
    seen = {}
    for invert in (0, 1):
        one = Trainer(both, replace(QUICK, invert=invert, shift=0), 0, epochs=1)
        one.step = lambda pictures, _, number, to=invert: (
            seen.update({(to, number): pictures}) or {"digit": torch.zeros(())}
        )
        one.run_epoch(0)
    assert torch.equal(seen[0, 0], seen[1, 0])
    assert torch.equal(seen[0, 1][:4], -seen[1, 1][:4])
    assert torch.equal(seen[0, 1][4:], seen[1, 1][4:])


@given(seed=st.integers(0, 1000), most=st.integers(0, 4))
@settings(max_examples=20)
def test_shifted_pictures_are_the_pictures_elsewhere(seed, most):
    stream = torch.Generator().manual_seed(seed)
    pictures = torch.rand(2, 3, 12, 12, generator=stream)
    found = shifted(pictures, most, stream)
    assert found.shape == pictures.shape
    inner = pictures[..., 4:8, 4:8]
    windows = found.unfold(2, 4, 1).unfold(3, 4, 1)
    same = (windows == inner[:, :, None, None]).all(dim=(-1, -2)).all(dim=1).all(dim=0)
    assert same[4 - most : 5 + most, 4 - most : 5 + most].any()


@pytest.mark.parametrize("decay", [0.0, 0.5, 1.0])
def test_the_rate_falls_where_it_is_asked_to(decay):
    one = trainer(replace(QUICK, decay=decay))
    rates = [one._rate(number) for number in range(one.total)]
    assert rates[0] == pytest.approx(QUICK.lr)
    assert sorted(rates, reverse=True) == rates
    assert (rates[-1] < QUICK.lr) == bool(decay)
    assert rates[-1] > 0


def test_what_is_learnt_is_learnt():
    """Two colours of noise: reconstruction falls, and the class, a brightness, is known."""
    stream = np.random.default_rng(0)
    labels = np.arange(24) % 2
    levels = np.where(labels, 200, 50)[:, None, None, None] + stream.integers(
        -20, 20, (24, 3, 1, 1)
    )
    images = np.broadcast_to(levels, (24, 3, 32, 32)).astype(np.uint8)
    side = Side(tuple(map(str, range(24))), images, labels)
    both = Domains(("a", "b"), (side, side), (side, side), ("dark", "bright"), "")
    one = Trainer(both, replace(QUICK, lr=5e-3, shift=0), 0, epochs=12)
    first = one.run_epoch(0)
    for epoch in range(1, 12):
        last = one.run_epoch(epoch)
    assert last["pix_recon"] < 0.3 * first["pix_recon"]
    assert last["digit"] < 0.3 * first["digit"]


@pytest.mark.parametrize("shape", [(4, 1, 32, 32), (4, 3, 28, 28)])
def test_pictures_of_another_mode_or_size_are_refused(shape):
    wrong = replace(noise(1), images=np.zeros(shape, np.uint8))
    found = replace(domains(), train=(noise(0), wrong))
    with pytest.raises(DataError, match=r"d1 is uint8 .* but UFDN takes uint8"):
        Trainer(found, QUICK, 0, epochs=1)
