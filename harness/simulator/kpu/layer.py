"""One KPU layer as a PyTorch module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.kmodel.memory import DType
from harness.kmodel.operations import KpuConv2d
from harness.simulator.errors import unsupported
from harness.simulator.kpu.chain import MOST_SHIFT, Chain
from harness.simulator.kpu.fused import fused
from harness.simulator.kpu.pooling import pool
from harness.simulator.kpu.sums import Sums
from harness.simulator.rules import Rules


class KpuConv2dLayer(nn.Module):
    """Convolution, batch norm, activation and pooling of one layer.

    Args:
        layer: The layer.
        rules: How it rounds and picks segments.
        quick: Whether to make the fast form, which takes longer to make than a few batches take.
    """

    def __init__(self, layer: KpuConv2d, rules: Rules, quick: bool = True) -> None:
        super().__init__()
        _check(layer)
        self.pooling = layer.pooling
        self.size = layer.output.shape[2:]
        self.sums = Sums(layer)
        self.chain = Chain(layer.batch_norm, layer.activation, rules)
        self.fused = fused(layer, self.sums, self.chain) if quick else None

    def forward(self, x: Tensor, step: int = 1, picked: bool = False) -> Tensor:
        """Run the layer.

        Args:
            x: uint8 [B, N, c, h, w].
            step: Only every `step`-th line and column of the result is wanted.
            picked: Whether `x` already is only what the layer's pooling picks.

        Returns:
            uint8 [B, N, C, H, W].
        """
        height, width = (-(-size // step) for size in self.size)
        stride = step if picked else step * self.sums.step
        images = x.flatten(0, 1)
        if self.fused is not None and x.device.type == "cpu":
            values = self.fused(images, stride)
        else:
            values = self.chain(self.sums(images, stride))
        values = pool(values, self.pooling)
        return torch.unflatten(values[..., :height, :width], 0, x.shape[:2])


def _check(layer: KpuConv2d) -> None:
    registers = layer.registers
    if layer.weights.dtype.itemsize != DType.U8.itemsize:
        raise unsupported(layer, "16-bit weights")
    if registers.bypass_convolution:
        raise unsupported(layer, "pooling without convolution")
    if registers.pad_type:
        raise unsupported(layer, f"pad type {registers.pad_type}")
    if int(layer.activation.shift.max()) > MOST_SHIFT:
        raise unsupported(layer, f"activation shift {int(layer.activation.shift.max())}")
