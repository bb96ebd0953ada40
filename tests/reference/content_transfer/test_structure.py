"""Sizes: those of the authors' code, and any other in the same code."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import nn

from reference.content_transfer.networks import ContentTransfer, Discriminator
from reference.content_transfer.settings import Settings
from reference.content_transfer.structure import (
    BY_SIDE,
    PAPER,
    SMALL,
    decoder_parameters,
    deployed_macs,
    discriminator_parameters,
    encoder_parameters,
)


def count(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_the_authors_networks_have_as_many_weights_as_theirs():
    networks, discriminator = ContentTransfer(PAPER), Discriminator(PAPER)
    assert count(networks.e1) == encoder_parameters(PAPER, PAPER.common_channels) == 6_480_574
    assert count(networks.e2) == encoder_parameters(PAPER, PAPER.specific_channels) == 741_369
    assert count(networks.decoder) == decoder_parameters(PAPER) == 6_982_115
    assert count(discriminator) == discriminator_parameters(PAPER) == 998_401
    assert (PAPER.shared, PAPER.sep, PAPER.core) == (487, 25, 2)


@torch.no_grad()
def test_the_authors_networks_take_pictures_of_128():
    networks = ContentTransfer(PAPER).eval()
    pictures = torch.rand(1, 3, 128, 128) * 2 - 1
    assert networks.e1(pictures).shape == (1, 487, 2, 2)
    assert networks.e2(pictures).shape == (1, 25, 2, 2)
    made = networks.transfer(pictures, pictures)
    assert made.shape == pictures.shape
    assert made.abs().max() <= 1
    assert Discriminator(PAPER)(networks.e1(pictures)).shape == (1,)


@given(
    structure=st.sampled_from(list(BY_SIDE.values())),
    width=st.floats(0.05, 0.2),
    share=st.floats(0.01, 0.99),
)
@hypothesis_settings(max_examples=20)
def test_any_width_and_any_split_of_the_code_in_one_code(structure, width, share):
    code = structure.scaled(width, 1).code
    sep = min(max(1, round(share * code)), code - 1)
    scaled = structure.scaled(width, sep)
    assert scaled.shared + scaled.sep == code
    networks = ContentTransfer(scaled)
    assert count(networks.e1) == encoder_parameters(scaled, scaled.common_channels)
    assert count(networks.e2) == encoder_parameters(scaled, scaled.specific_channels)
    assert count(networks.decoder) == decoder_parameters(scaled)
    assert count(Discriminator(scaled)) == discriminator_parameters(scaled)


@given(sep=st.integers(1, 511))
def test_the_codes_share_512_channels_however_they_are_split(sep):
    scaled = PAPER.scaled(1, sep)
    assert scaled.shared + scaled.sep == 512
    assert scaled.common_channels[-1] + scaled.specific_channels[-1] == 512


@pytest.mark.parametrize("sep", [0, 512, 600])
def test_a_split_that_leaves_nothing_is_refused(sep):
    with pytest.raises(ValueError, match="leave none"):
        PAPER.scaled(1, sep)


def test_width_one_changes_nothing():
    for structure in BY_SIDE.values():
        assert structure.scaled(1) == structure
    assert SMALL.scaled(1, 3).sep == 3


@pytest.mark.parametrize("structure", [Settings().structure, PAPER.scaled(0.1)])
def test_multiplications_are_counted_right(structure):
    networks = ContentTransfer(structure).eval()
    pictures = torch.zeros(1, 3, structure.side, structure.side)
    assert deployed_macs(structure) == macs_of_transfer(networks, pictures)


@torch.no_grad()
def macs_of_transfer(networks: ContentTransfer, pictures: torch.Tensor) -> int:
    counts: list[int] = []

    def down(layer: nn.Conv2d, _: object, output: torch.Tensor) -> None:
        counts.append(output.numel() * layer.weight[0].numel())

    def up(layer: nn.ConvTranspose2d, inputs: tuple[torch.Tensor], _: object) -> None:
        counts.append(inputs[0].numel() * layer.weight[0].numel())

    for layer in networks.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(down)
        elif isinstance(layer, nn.ConvTranspose2d):
            layer.register_forward_hook(up)
    networks.transfer(pictures, pictures)
    return sum(counts)
