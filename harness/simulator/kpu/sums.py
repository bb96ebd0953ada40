"""The sums of a KPU layer, exact whatever the batch.

Sum of products, offset times sum of the inputs, offset times sum of the weights, and a constant.
Where the shift of the second loses no bits, it is the offset of the weights, and one convolution
does it all. Floats hold integers exactly as long as no partial sum can leave their mantissa:
the weights themselves give the bound.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.kmodel.operations import KpuConv2d
from harness.simulator.kpu.pooling import PICKS

FLOAT32_EXACT = 1 << 24
_BYTE = 255


class Sums(nn.Module):
    """Convolution with zero points; of picking poolings only what they pick."""

    weights: Tensor
    constant: Tensor

    def __init__(self, layer: KpuConv2d) -> None:
        super().__init__()
        registers = layer.registers
        self.groups = registers.in_channels if layer.depthwise else 1
        self.pad, self.pad_value = layer.kernel // 2, registers.pad_value
        self.pick = PICKS.get(layer.pooling, (0, 0))
        self.step = layer.pooling.stride if layer.pooling in PICKS else 1
        self.arg_x, self.shift_x = registers.arg_x, registers.shift_x
        self.folded = self.arg_x % (1 << self.shift_x) == 0
        weights = layer.weights.astype(np.int64)
        of_weights = (registers.arg_w * weights.sum((1, 2, 3))) >> registers.shift_w
        constant = of_weights + registers.arg_add * weights.shape[1]
        if self.folded:
            weights = weights + (self.arg_x >> self.shift_x)
        self.bound = greatest_partial_sum(weights)
        exact = np.float32 if self.bound < FLOAT32_EXACT else np.float64
        self.register_buffer("weights", torch.from_numpy(weights.astype(exact)), False)
        self.register_buffer("constant", torch.from_numpy(constant), False)

    def forward(self, x: Tensor, stride: int) -> Tensor:
        """Return int64 [N, C, H, W] for uint8 [N, c, h, w]."""
        windows = self.windows(x).to(self.weights.dtype)
        sums = self._convolve(windows, self.weights, stride).to(torch.int64)
        if not self.folded:
            sums += (self.arg_x * self._sum_of_inputs(windows, stride)) >> self.shift_x
        return sums + self.constant[:, None, None]

    def windows(self, x: Tensor) -> Tensor:
        """Return the input with its border, from the first window that is wanted."""
        if self.pad:
            x = functional.pad(x, (1, 1, 1, 1), value=self.pad_value)
        return x[..., self.pick[0] :, self.pick[1] :]

    def _sum_of_inputs(self, windows: Tensor, stride: int) -> Tensor:
        shape = self.groups, self.weights.shape[1], *self.weights.shape[2:]
        ones = torch.ones(shape, dtype=windows.dtype, device=windows.device)
        return self._convolve(windows, ones, stride).to(torch.int64)

    def _convolve(self, windows: Tensor, weights: Tensor, stride: int) -> Tensor:
        # cuDNN may take algorithms that are not sums of products; matrix products are.
        if weights.shape[-1] == 1 and self.groups == 1:
            picked = windows[..., ::stride, ::stride]
            return torch.einsum("oi,nihw->nohw", weights[..., 0, 0], picked)
        if windows.device.type == "cpu":
            return functional.conv2d(windows, weights, stride=stride, groups=self.groups)
        return self._by_places(windows, weights, stride)

    def _by_places(self, windows: Tensor, weights: Tensor, step: int) -> Tensor:
        kernel = weights.shape[-1]
        height, width = (n - kernel + 1 for n in windows.shape[-2:])
        total: Tensor | None = None
        for line in range(kernel):
            for column in range(kernel):
                part = windows[..., line : line + height : step, column : column + width : step]
                weight = weights[..., line, column]
                if self.groups == 1:
                    product = torch.einsum("oi,nihw->nohw", weight, part)
                else:
                    product = part * weight[:, :, None]
                total = product if total is None else total + product
        assert total is not None
        return total


def greatest_partial_sum(weights: np.ndarray) -> int:
    """Return a bound of every partial sum of bytes times weights [out, in, k, k], in any order."""
    axes = (1, 2, 3)
    positive = np.maximum(weights, 0).sum(axes).max()
    negative = np.maximum(-weights, 0).sum(axes).max()
    return _BYTE * int(max(positive, negative))
