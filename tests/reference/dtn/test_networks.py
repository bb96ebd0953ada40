"""f, g and D: sizes of the paper, shapes at any width, and what is frozen."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.dtn.networks import (
    Discriminator,
    DomainTransfer,
    Encoder,
    Generator,
    PlainTransfer,
)
from reference.dtn.structure import (
    DIGITS,
    FACES,
    deployed_macs,
    encoder_parameters,
    generator_parameters,
)

widths = st.sampled_from([1 / 32, 1 / 16, 0.1, 0.125, 0.25])
TINY = DIGITS.scaled(1 / 32)


def count(network: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_f_and_g_have_the_paper_sizes_numbers_of_parameters():
    f, g = count(Encoder(DIGITS)), count(Generator(DIGITS))
    assert (f, g) == (encoder_parameters(DIGITS, 3), generator_parameters(DIGITS))
    assert round(f / 1e6, 3) == 0.896
    assert round(g / 1e6, 3) == 2.527


@given(width=widths)
@settings(max_examples=5)
def test_any_width_is_the_same_code(width):
    structure = DIGITS.scaled(width)
    f, g, d = Encoder(structure), Generator(structure), Discriminator(structure)
    assert count(f) == encoder_parameters(structure, 3)
    assert count(g) == generator_parameters(structure)
    transfer = DomainTransfer(f, g)
    for channels in (1, 3):
        made = transfer(torch.randn(2, channels, 32, 32))
        assert made.shape == (2, 1, 32, 32)
        assert made.abs().max() <= 1
    assert d(made).shape == (2, 3)
    assert Discriminator(structure, logits=1)(made).shape == (2, 1)


def test_the_face_networks_are_as_deep_as_the_paper_says():
    structure = FACES.scaled(1 / 16)
    g = Generator(structure)
    layers = [
        layer
        for layer in g.modules()
        if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d)
    ]
    assert len(layers) == 9
    made = g(torch.randn(2, structure.code))
    assert made.shape == (2, 3, 64, 64)
    assert count(g) == generator_parameters(structure)
    d = Discriminator(structure, side=152)
    blocks = [layer for layer in d.modules() if isinstance(layer, torch.nn.LeakyReLU)]
    assert len(blocks) == 6
    assert d(torch.randn(2, 3, 152, 152)).shape == (2, 3)


def test_a_grey_picture_is_a_colour_picture_of_equal_channels():
    f = Encoder(TINY).eval()
    grey = torch.randn(3, 1, 32, 32)
    torch.testing.assert_close(f(grey), f(grey.repeat(1, 3, 1, 1)))


def test_f_stays_as_it_is_whatever_passes_through():
    transfer = DomainTransfer(Encoder(TINY), Generator(TINY)).train()
    before = {name: tensor.clone() for name, tensor in transfer.f.state_dict().items()}
    g_before = transfer.g.body[1].running_mean.clone()
    transfer(torch.randn(8, 3, 32, 32))
    assert not transfer.f.training
    assert all(torch.equal(before[name], now) for name, now in transfer.f.state_dict().items())
    assert not torch.equal(g_before, transfer.g.body[1].running_mean)


def test_both_domains_in_one_batch_are_the_two_apart_once_trained():
    transfer = DomainTransfer(Encoder(TINY), Generator(TINY)).eval()
    s, t = torch.randn(3, 3, 32, 32), torch.randn(2, 1, 32, 32)
    of_s, of_t = transfer.together(s, t)
    torch.testing.assert_close(of_s, transfer(s), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(of_t, transfer(t), atol=1e-5, rtol=1e-5)


def test_the_baseline_trains_all_of_its_layers():
    plain = PlainTransfer(TINY)
    assert count(plain) == encoder_parameters(TINY, 3) + generator_parameters(TINY)
    assert all(weight.requires_grad for weight in plain.parameters())


@pytest.mark.parametrize("width", [0.25, 1.0])
def test_multiply_accumulates(width):
    """Counted once more, layer by layer."""
    structure = DIGITS.scaled(width)
    found = 0

    def add(layer, inputs, output):
        nonlocal found
        pixels = inputs[0] if isinstance(layer, torch.nn.ConvTranspose2d) else output
        found += layer.weight.numel() * pixels.shape[-1] * pixels.shape[-2]

    transfer = DomainTransfer(Encoder(structure), Generator(structure)).eval()
    for layer in transfer.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            layer.register_forward_hook(add)
    with torch.no_grad():
        transfer(torch.zeros(1, 3, 32, 32))
    assert found + structure.code * 10 == deployed_macs(structure, 10)
