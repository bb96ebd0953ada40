"""What runs on the K210 is the trained network, layer by layer in another form."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reference.dtn.checkpoint import read_checkpoint
from reference.dtn.classify import build_f
from reference.dtn.deploy import DeployedTransfer, deployed
from reference.dtn.networks import DomainTransfer, Generator, PlainTransfer
from reference.dtn.structure import DIGITS
from tests.reference.blocks.test_folding import trained_norm

CLOSE = {"atol": 1e-4, "rtol": 1e-4}


def seasoned(network: nn.Module) -> nn.Module:
    """Give all norms the kind of values that a training leaves."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            trained_norm(layer)
    return network.eval()


@given(seed=st.integers(0, 2**31 - 1), width=st.sampled_from([1 / 32, 1 / 16, 0.1]))
@settings(max_examples=10)
@torch.no_grad()
def test_the_deployed_form_gives_the_same(seed, width):
    torch.manual_seed(seed)
    structure = DIGITS.scaled(width)
    classifier = seasoned(build_f(structure, 10))
    transfer = DomainTransfer(classifier.encoder, seasoned(Generator(structure)))
    pictures = torch.rand(3, 3, 32, 32) * 2 - 1
    logits, code, made = DeployedTransfer(classifier, transfer.g)(pictures)
    torch.testing.assert_close(logits, classifier(pictures), **CLOSE)
    torch.testing.assert_close(code, classifier.encoder(pictures), **CLOSE)
    torch.testing.assert_close(made, transfer(pictures), **CLOSE)


@torch.no_grad()
def test_the_baseline_too_to_be_compared():
    torch.manual_seed(0)
    structure = DIGITS.scaled(1 / 32)
    classifier, plain = seasoned(build_f(structure, 10)), seasoned(PlainTransfer(structure))
    pictures = torch.rand(3, 3, 32, 32) * 2 - 1
    logits, _, made = DeployedTransfer(classifier, plain.g, plain.encoder)(pictures)
    torch.testing.assert_close(logits, classifier(pictures), **CLOSE)
    torch.testing.assert_close(made, plain(pictures), **CLOSE)


def test_no_norm_is_left_and_no_layer_is_too_wide_for_the_kpu(trained):
    module = deployed(read_checkpoint(trained))
    kinds = {type(layer) for layer in module.modules()}
    assert not kinds & {nn.BatchNorm2d, nn.Dropout}
    assert not module.training
    assert not any(weight.requires_grad for weight in module.parameters())
    channels = [layer.out_features for layer in module.modules() if isinstance(layer, nn.Linear)]
    assert max(channels) <= 1024


@pytest.mark.parametrize("width", [1.0])
def test_the_papers_size_deploys_too(width):
    structure = DIGITS.scaled(width)
    module = DeployedTransfer(build_f(structure, 10).eval(), Generator(structure).eval())
    assert [part.out_features for part in module.g.spread.parts] == [1024] * 8
    with torch.no_grad():
        assert module(torch.zeros(1, 3, 32, 32))[2].shape == (1, 1, 32, 32)
