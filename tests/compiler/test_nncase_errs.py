"""What docs/nncase.md says of nncase's errors: these fail when one of them is mended."""

import pytest
import torch
from torch import nn

from harness.compare import compare
from harness.compiler.legalise import REWRITES
from tests.compiler.test_build import deployable, run_both

pytestmark = pytest.mark.sim


# The legaliser mends them; here nncase is seen without it.
OFF = {rewrite.name: "off" for rewrite in REWRITES}


def snr(*last):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), *last).eval()
    _, expected, found = run_both(deployable(net), **OFF)
    return compare(expected, found).outputs["y"].snr_db


def test_upsampling_is_right_to_the_nearest_and_wrong_bilinearly():
    assert snr(nn.Upsample(scale_factor=2, mode="nearest")) > 30
    assert snr(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)) < 15
    assert snr(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)) > 30


def test_a_cropped_map_is_misread_by_the_kpu():
    # Sums of positive values: the smallest lie at the border, which the crop takes away, so the
    # quantisation changes there.
    unpadded = nn.Conv2d(8, 8, 3)
    unpadded.weight.data.abs_()
    assert snr(unpadded) > 30
    assert snr(unpadded, nn.Conv2d(8, 8, 3, padding=1)) < 15


def test_the_root_of_a_normalisation_comes_from_a_coarse_table():
    torch.manual_seed(0)
    uneven = nn.Conv2d(8, 8, 1)
    uneven.weight.data *= torch.logspace(-1.5, 0, 8).view(-1, 1, 1, 1)
    assert snr(uneven, nn.InstanceNorm2d(8)) < 10


def test_average_pooling_counts_padding_in_another_way():
    assert snr(nn.AvgPool2d(2)) > 30
    assert snr(nn.AvgPool2d(3, 1, 1)) < 20
    without_padding = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
    assert snr(without_padding) > 30
