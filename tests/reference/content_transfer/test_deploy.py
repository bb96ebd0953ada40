"""What runs on the K210 is the trained transfer, with two pictures as one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import nn

from reference.content_transfer.deploy import DeployedTransfer
from reference.content_transfer.networks import ContentTransfer
from reference.content_transfer.structure import PAPER, SMALL, deployed_parameters
from tests.reference.blocks.test_folding import trained_norm

CLOSE = {"atol": 1e-4, "rtol": 1e-4}


def seasoned(structure) -> ContentTransfer:
    """Give all norms the kind of values that a training leaves."""
    networks = ContentTransfer(structure)
    for layer in networks.modules():
        if isinstance(layer, nn.BatchNorm2d):
            trained_norm(layer)
    return networks.eval()


@pytest.mark.parametrize("structure", [SMALL.scaled(0.2, 3), PAPER.scaled(0.05, 2)])
@given(seed=st.integers(0, 2**31 - 1))
@hypothesis_settings(max_examples=8, deadline=None)
@torch.no_grad()
def test_the_deployed_form_gives_the_same(structure, seed):
    torch.manual_seed(seed)
    networks = seasoned(structure)
    target, guide = torch.rand(2, 3, 3, structure.side, structure.side) * 2 - 1
    picture, common, specific = DeployedTransfer(networks)(torch.cat([target, guide], dim=2))
    torch.testing.assert_close(picture, networks.transfer(target, guide), **CLOSE)
    torch.testing.assert_close(common, networks.e1(target), **CLOSE)
    torch.testing.assert_close(specific, networks.e2(guide), **CLOSE)


def test_no_norm_over_a_batch_is_left():
    structure = SMALL.scaled(0.5, 8)
    module = DeployedTransfer(seasoned(structure))
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in module.modules())
    assert not module.training
    assert not any(weight.requires_grad for weight in module.parameters())
    assert sum(weight.numel() for weight in module.parameters()) == deployed_parameters(structure)


def test_no_layer_is_too_wide_for_the_kpu():
    module = DeployedTransfer(seasoned(PAPER))
    convolutions = [one for one in module.modules() if isinstance(one, nn.Conv2d)]
    assert max(one.out_channels for one in convolutions) <= 1024
