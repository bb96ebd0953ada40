"""What docs/nncase.md says of nncase's errors: these fail when one of them is mended."""

import pytest
import torch
from torch import nn

from harness.compare import compare
from tests.compiler.test_build import deployable, run_both

pytestmark = pytest.mark.sim


def snr(last):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), last).eval()
    _, expected, found = run_both(deployable(net))
    return compare(expected, found).outputs["y"].snr_db


def test_upsampling_is_right_to_the_nearest_and_wrong_bilinearly():
    assert snr(nn.Upsample(scale_factor=2, mode="nearest")) > 30
    assert snr(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)) < 15


def test_average_pooling_counts_padding_in_another_way():
    assert snr(nn.AvgPool2d(2)) > 30
    assert snr(nn.AvgPool2d(3, 1, 1)) < 20
    without_padding = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
    assert snr(without_padding) > 30
