"""A KPU layer on the processor: one product of matrices or one loop, and bytes come out."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from harness.kmodel.operations import KpuConv2d
from harness.simulator.kpu import native
from harness.simulator.kpu.chain import Chain
from harness.simulator.kpu.products import Products, minus_128
from harness.simulator.kpu.staircase import Staircase, staircase
from harness.simulator.kpu.sums import FLOAT32_EXACT, Sums

_MOST_WINDOW_BYTES = 1 << 26


def fused(layer: KpuConv2d, sums: Sums, chain: Chain) -> Fused | None:
    """Return the fast form of a layer, or None where only the general one is exact.

    That is: where a shift loses bits, where float32 would, or where bytes fall as sums grow.
    """
    pointwise = layer.depthwise and layer.kernel == 1
    if pointwise or not sums.folded or sums.bound >= FLOAT32_EXACT:
        return None
    weights = sums.weights.numpy().astype(np.int64)
    axes = (1, 2, 3)
    low, high = 255 * np.minimum(weights, 0).sum(axes), 255 * np.maximum(weights, 0).sum(axes)
    products, missing = None, np.zeros(len(weights), np.int64)
    if not layer.depthwise:
        products = Products(weights.transpose(0, 2, 3, 1).reshape(len(weights), -1))
        missing = products.missing
    if max(np.abs(low - missing).max(), np.abs(high - missing).max()) >= FLOAT32_EXACT:
        return None
    stairs = staircase(chain, sums.constant.numpy() + missing, low - missing, high - missing)
    if stairs is None:
        return None
    return Depthwise(sums, stairs) if products is None else Dense(sums, stairs, products)


class Fused:
    """What the fast forms share: uint8 [N, C, H, W] in and out, pixels' channels side by side."""

    def __init__(self, sums: Sums, stairs: Staircase) -> None:
        self.sums, self.stairs = sums, stairs

    def __call__(self, x: Tensor, stride: int) -> Tensor:
        """Return bytes before pooling, of every `stride`-th line and column."""
        raise NotImplementedError

    def bordered(self, x: Tensor, stride: int) -> tuple[Tensor, int, int]:
        """Return [N, H + 2, W + 2, C] from the first picked window on, and the result's size."""
        sums = self.sums
        pixels = x.permute(0, 2, 3, 1)
        if sums.pad:
            pixels = functional.pad(pixels, (0, 0, 1, 1, 1, 1), value=sums.pad_value)
        pixels = pixels[:, sums.pick[0] :, sums.pick[1] :].contiguous()
        height, width = (-(-(n - 2 * sums.pad) // stride) for n in pixels.shape[1:3])
        return pixels, height, width


class Depthwise(Fused):
    """A 3x3 depthwise layer."""

    def __init__(self, sums: Sums, stairs: Staircase) -> None:
        super().__init__(sums, stairs)
        weights = sums.weights.float().flatten(1).t().contiguous()
        self.weights = weights.numpy()

    def __call__(self, x: Tensor, stride: int) -> Tensor:
        """See `Fused`."""
        pixels, height, width = self.bordered(x, stride)
        out = torch.empty((len(x), height, width, x.shape[1]), dtype=torch.uint8)
        arguments = self.stairs.arguments
        native.depthwise(pixels.numpy(), self.weights, stride, *arguments, out.numpy())
        return out.permute(0, 3, 1, 2)


class Dense(Fused):
    """A 1x1 or 3x3 layer in which each output channel sees all input channels."""

    def __init__(self, sums: Sums, stairs: Staircase, products: Products) -> None:
        super().__init__(sums, stairs)
        self.products = products

    def __call__(self, x: Tensor, stride: int) -> Tensor:
        """See `Fused`."""
        pixels, height, width = self.bordered(x, stride)
        channels = len(self.sums.constant)
        out = torch.empty((len(x), height, width, channels), dtype=torch.uint8)
        inner = self.products.weights.shape[0]
        images = max(1, _MOST_WINDOW_BYTES // (height * width * inner))
        for some, result in zip(torch.split(pixels, images), torch.split(out, images), strict=True):
            totals = self.products(self._rows(some, stride, height, width))
            flat = result.view(-1, channels).numpy()
            native.finish(totals.numpy(), *self.stairs.arguments, flat)
        return out.permute(0, 3, 1, 2)

    def _rows(self, pixels: Tensor, stride: int, height: int, width: int) -> Tensor:
        """Return int8 [N * h * w, K], what each result looks at."""
        channels = pixels.shape[-1]
        if not self.sums.pad:
            return minus_128(pixels[:, ::stride, ::stride].reshape(-1, channels))
        shape = len(pixels), height, width, 3, 3, channels
        rows = torch.empty(shape, dtype=torch.int8)
        native.windows(pixels.numpy(), stride, rows.numpy())
        return rows.view(-1, 9 * channels)
