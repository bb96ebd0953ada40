"""Small networks with a fault of quantisation in them, and pictures that show it."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from harness.blame.fix.base import Recipe
from harness.compiler.source import source_of_module
from harness.method import InputContract

CONTRACT = InputContract((3, 32, 32))
OUTLIER = 200.0
CHANNELS = 16


def network(activation=nn.ReLU, seed=0):
    """Convolution, depthwise, pointwise, and a head that gives a map."""
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(3, CHANNELS, 3, 2, 1),
        activation(),
        nn.Conv2d(CHANNELS, CHANNELS, 3, 1, 1, groups=CHANNELS),
        activation(),
        nn.Conv2d(CHANNELS, CHANNELS, 1),
        activation(),
        nn.Conv2d(CHANNELS, 4, 3, 1, 1),
    )
    with torch.no_grad():
        for layer in net:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
                layer.bias.zero_()
    return net.eval()


def with_outlier(net, factor=OUTLIER, channel=3):
    """Widen one channel of the depthwise layer; what reads it takes the factor back."""
    with torch.no_grad():
        net[2].weight[channel] *= factor
        net[2].bias[channel] *= factor
        net[4].weight[:, channel] /= factor
    return net


def pictures(count, seed=0, low=0, high=256):
    """Coarse patterns: neighbouring pixels are alike, as in photographs."""
    rng = np.random.default_rng(seed)
    small = rng.integers(low, high, (count, 3, 8, 8), dtype=np.uint8)
    return small.repeat(4, axis=2).repeat(4, axis=3)


def recipe(net, calibration, method="no_clip"):
    """Return how a network is compiled."""
    return Recipe(source_of_module(net, "seeded", CONTRACT, ("y",)), calibration, method)
