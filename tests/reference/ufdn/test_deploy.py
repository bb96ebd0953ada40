"""What runs on the K210 is the trained network, layer by layer in another form."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reference.ufdn.checkpoint import read_checkpoint
from reference.ufdn.deploy import Deployed, deployed, outputs
from reference.ufdn.networks import Disentangler
from reference.ufdn.structure import DIGITS, FACES, deployed_parameters
from tests.reference.blocks.test_folding import trained_norm

CLOSE = {"atol": 1e-4, "rtol": 1e-4}


def seasoned(network: nn.Module) -> nn.Module:
    """Give all norms the kind of values that a training leaves."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            trained_norm(layer)
    return network.eval()


@given(
    seed=st.integers(0, 2**31 - 1),
    whole=st.sampled_from([DIGITS, FACES]),
    width=st.sampled_from([1 / 64, 1 / 32, 0.05]),
    kernel=st.sampled_from([3, 4]),
    look=st.integers(0, 2),
)
@settings(max_examples=12, deadline=None)
@torch.no_grad()
def test_the_deployed_form_gives_the_same(seed, whole, width, kernel, look):
    torch.manual_seed(seed)
    structure = replace(whole.scaled(width), kernel=kernel, domains=3)
    vae, head = seasoned(Disentangler(structure, 1.0)), nn.Linear(structure.code, 10)
    for part in (vae.encoder.mean, vae.decoder.body[0]):
        nn.init.normal_(part.weight, 0, 0.2)  # as far from zero as after a training
    pictures = torch.rand(3, 3, structure.side, structure.side) * 2 - 1
    logits, code, made = Deployed(vae, head, look)(pictures)
    expected = vae.code(pictures)
    torch.testing.assert_close(code, expected, **CLOSE)
    torch.testing.assert_close(logits, head(expected), **CLOSE)
    vector = torch.eye(3)[[look] * 3]
    torch.testing.assert_close(made, vae.decoder(expected, vector), **CLOSE)
    assert len(Deployed(vae, None, look)(pictures)) == 2


def test_no_norm_is_left_and_the_count_is_the_arithmetic(trained):
    checkpoint = read_checkpoint(trained)
    module = deployed(checkpoint)
    assert not {type(layer) for layer in module.modules()} & {nn.BatchNorm2d, nn.Dropout}
    assert not module.training
    assert not any(weight.requires_grad for weight in module.parameters())
    count = sum(weight.numel() for weight in module.parameters())
    assert count == deployed_parameters(checkpoint.structure, len(checkpoint.classes))


def test_pictures_alone_have_no_logits(trained_on_pictures):
    checkpoint = read_checkpoint(trained_on_pictures)
    assert outputs(checkpoint) == ("code", "picture")
    assert checkpoint.head() is None
    assert len(deployed(checkpoint)(torch.zeros(1, 3, 32, 32))) == 2


@pytest.mark.slow
def test_the_papers_size_deploys_too():
    structure = replace(DIGITS, kernel=3)
    module = Deployed(Disentangler(structure).eval(), nn.Linear(2048, 10), 1)
    linear = [layer for layer in module.spread.modules() if isinstance(layer, nn.Linear)]
    assert [part.out_features for part in linear] == [1024] * 4
    assert module(torch.zeros(1, 3, 32, 32))[2].shape == (1, 3, 32, 32)
