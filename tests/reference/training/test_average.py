"""The running average: fast at first, calm later, batch-norm statistics included."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from reference.training.average import follow


def network(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    made = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3))
    made(torch.randn(4, 2, 5, 5))
    return made


@pytest.mark.parametrize(("step", "kept"), [(0, 0.1), (9, 10 / 19), (10**6, 0.9)])
def test_a_share_is_kept_that_grows_with_the_steps(step, kept):
    average, learning = network(0), network(1)
    before = {name: one.clone() for name, one in average.state_dict().items()}
    follow(average, learning, step, decay=0.9)
    current = learning.state_dict()
    for name, now in average.state_dict().items():
        if now.is_floating_point():
            expected = kept * before[name] + (1 - kept) * current[name]
            torch.testing.assert_close(now, expected)
        else:
            assert torch.equal(now, current[name])


def test_without_decay_it_is_the_network():
    average, learning = network(0), network(1)
    follow(average, learning, 5, decay=0)
    for name, now in average.state_dict().items():
        assert torch.equal(now, learning.state_dict()[name])


def test_it_is_calmer_than_what_it_follows():
    learning = network(0)
    average, start = copy.deepcopy(learning), learning[0].weight.detach().clone()
    for step in range(400):
        with torch.no_grad():
            learning[0].weight.copy_(start + torch.randn_like(start))
        follow(average, learning, step, decay=0.98)
    off = (average[0].weight - start).abs().mean()
    assert off < 0.3
