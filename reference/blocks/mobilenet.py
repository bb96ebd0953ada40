"""The building block of MobileNet V1, with the padding that the K210 can do.

Source: A. Howard et al., MobileNets, https://arxiv.org/abs/1704.04861.
"""

from __future__ import annotations

from torch import nn

# TensorFlow's value, with which the published weights were trained; PyTorch's is 1e-5.
BATCH_NORM_EPS = 1e-3


def conv_bn(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Module:
    """Return convolution, batch norm and ReLU6: float32 [N, inputs, H, W] → [N, outputs, H', W'].

    Padding is symmetric, `kernel // 2` on each side, at every stride: the KPU knows no other.
    TensorFlow's SAME pads an even map only at its right and bottom edge at stride 2.
    """
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=BATCH_NORM_EPS),
        nn.ReLU6(),
    )


def separable_conv(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    """Return a 3x3 depthwise and a 1x1 pointwise convolution, each with batch norm and ReLU6."""
    return nn.Sequential(
        conv_bn(inputs, inputs, kernel=3, stride=stride, groups=inputs),
        conv_bn(inputs, outputs, kernel=1),
    )
