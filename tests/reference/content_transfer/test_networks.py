"""What the networks do with the zeroed code, and what each output depends on."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import nn

from reference.content_transfer import losses
from reference.content_transfer.networks import ContentTransfer
from reference.content_transfer.structure import BY_SIDE, PAPER, SMALL

seeds = st.integers(0, 2**31 - 1)
STRUCTURES = [SMALL.scaled(0.1, 3), PAPER.scaled(0.05, 2)]
small = hypothesis_settings(max_examples=10, deadline=None)


def built(structure, seed: int) -> ContentTransfer:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return ContentTransfer(structure)


def pictures(seed: int, structure, count: int = 2) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, structure.side, structure.side, generator=stream) * 2 - 1


@pytest.mark.parametrize("structure", STRUCTURES)
@given(seed=seeds)
@small
def test_a_is_made_without_e2(structure, seed):
    networks = built(structure, seed)
    a, b = pictures(seed, structure), pictures(seed + 1, structure)
    made = networks.both(a, b)
    gradients = torch.autograd.grad(
        losses.l_rec_a(made.plain, a), list(networks.parameters()), allow_unused=True
    )
    of = dict(zip((name for name, _ in networks.named_parameters()), gradients, strict=True))
    for name, gradient in of.items():
        if name.startswith("e2."):
            assert gradient is None or not gradient.any()
    assert of["e1.0.weight"] is not None


@pytest.mark.parametrize("structure", STRUCTURES)
@given(seed=seeds)
@small
@torch.no_grad()
def test_other_weights_of_e2_leave_a_as_it_is(structure, seed):
    networks = built(structure, seed).eval()
    a, b = pictures(seed, structure), pictures(seed + 1, structure)
    before = networks.both(a, b)
    for weight in networks.e2.parameters():
        weight.mul_(-3).add_(0.1)
    after = networks.both(a, b)
    assert torch.equal(before.plain, after.plain)
    assert not torch.equal(before.content, after.content)


@pytest.mark.parametrize("structure", STRUCTURES)
@given(seed=seeds)
@small
@torch.no_grad()
def test_removal_and_transfer_are_the_paths_that_were_trained(structure, seed):
    networks = built(structure, seed).eval()
    a, b = pictures(seed, structure), pictures(seed + 1, structure)
    made = networks.both(a, b)
    close = {"atol": 1e-5, "rtol": 1e-5}
    torch.testing.assert_close(networks.remove(a), made.plain, **close)
    torch.testing.assert_close(networks.reconstruct(b), made.content, **close)
    torch.testing.assert_close(networks.transfer(a, b, 0.0), networks.remove(a), **close)
    torch.testing.assert_close(networks.transfer(b, b, 0.0), networks.remove(b), **close)
    torch.testing.assert_close(networks.transfer(b, b), made.content, **close)
    for parameter in networks.e2.parameters():
        parameter.zero_()  # E2 := 0
    torch.testing.assert_close(networks.transfer(a, b), made.plain, **close)


@given(seed=seeds, share=st.floats(0, 1))
@small
@torch.no_grad()
def test_half_a_code_is_a_picture_between(seed, share):
    structure = STRUCTURES[0]
    networks = built(structure, seed).eval()
    a, b = pictures(seed, structure), pictures(seed + 1, structure)
    here, near = networks.transfer(a, b, share), networks.transfer(a, b, share + 1e-4)
    assert (here - near).abs().max() < 1e-2
    torch.testing.assert_close(networks.transfer(a, b, 1.0), networks.transfer(a, b))


@pytest.mark.parametrize("structure", STRUCTURES)
@given(seed=seeds)
@small
@torch.no_grad()
def test_a_picture_is_made_the_same_beside_any_others(structure, seed):
    networks = built(structure, seed).eval()
    a, b = pictures(seed, structure, 4), pictures(seed + 1, structure, 4)
    order = torch.randperm(4, generator=torch.Generator().manual_seed(seed))
    whole = networks.transfer(a, b)
    close = {"atol": 1e-5, "rtol": 1e-4}
    torch.testing.assert_close(networks.transfer(a[order], b[order]), whole[order], **close)
    torch.testing.assert_close(networks.transfer(a[:1], b[:1]), whole[:1], **close)


@given(seed=seeds)
@small
def test_the_total_loss_does_not_depend_on_the_order_in_the_batch(seed):
    structure = STRUCTURES[0]
    networks = built(structure, seed)
    a, b = pictures(seed, structure, 4), pictures(seed + 1, structure, 4)
    found = []
    for first, second in ((a, b), (a.flip(0), b.roll(1, 0))):
        made = networks.both(first, second)
        found.append(losses.l_rec_a(made.plain, first) + losses.l_rec_b(made.content, second))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("structure", BY_SIDE.values())
def test_codes_have_the_shapes_that_the_structure_says(structure):
    scaled = structure.scaled(0.1, 2)
    networks = built(scaled, 0).eval()
    shown = pictures(0, scaled, 1)
    shape = (1, scaled.shared, scaled.core, scaled.core)
    assert networks.e1(shown).shape == shape
    assert networks.zero(networks.e1(shown)).shape == networks.e2(shown).shape
    assert not networks.zero(networks.e1(shown)).any()


def test_norms_are_those_of_the_structure():
    for structure, encoder, decoder in (
        (PAPER, nn.InstanceNorm2d, nn.InstanceNorm2d),
        (SMALL, nn.BatchNorm2d, nn.Identity),
    ):
        networks = ContentTransfer(structure.scaled(0.1, 2))
        kinds = [[type(layer) for layer in part] for part in networks.children()]
        assert {*kinds[0][1::3], *kinds[1][1::3]} == {encoder}
        assert {*kinds[2][1:-1:3]} == {decoder}
