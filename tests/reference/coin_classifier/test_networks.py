"""The network as a whole."""

from __future__ import annotations

import pytest
import torch

from reference.blocks.folding import fold_module
from reference.coin_classifier.networks import MobileNetV1
from reference.coin_classifier.structure import SIZES, WIDTHS


@pytest.mark.parametrize("width", WIDTHS)
def test_outputs_are_one_logit_a_class(width):
    with torch.no_grad():
        assert MobileNetV1(5, width).eval()(torch.rand(2, 3, 96, 96)).shape == (2, 5)


@pytest.mark.parametrize("size", SIZES)
def test_every_stage_halves_an_even_map(size):
    network = MobileNetV1(2, 0.25).eval()
    with torch.no_grad():
        assert network.backbone(torch.rand(1, 3, size, size)).shape[-2:] == (size // 32,) * 2


def test_features_are_bounded_by_relu6():
    network = MobileNetV1(2, 0.25).eval()
    with torch.no_grad():
        features = network.features(50 * torch.randn(2, 3, 96, 96))
    assert 0 <= features.min() <= features.max() <= 6


def test_dropout_works_in_training_only():
    network = MobileNetV1(2, 0.25, dropout=0.5)
    images = torch.rand(2, 3, 96, 96)
    network.eval()
    with torch.no_grad():
        assert torch.equal(network(images), network(images))
        network.dropout.train()
        assert not torch.equal(network(images), network(images))


def test_folded_network_gives_the_same_logits():
    torch.manual_seed(0)
    network = MobileNetV1(3, 0.25)
    with torch.no_grad():
        network(torch.rand(8, 3, 96, 96))
        network.eval()
        images = torch.rand(4, 3, 96, 96)
        torch.testing.assert_close(
            fold_module(network)(images), network(images), atol=1e-4, rtol=1e-4
        )
