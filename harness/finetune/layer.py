"""One KPU layer that can be trained: exact bytes forward, a smooth gradient backward.

The smooth meaning of a layer, for bytes x, codes w, and the registers' other values:

    s = sum(x * (w + arg_x / 2**shift_x)) + arg_w / 2**shift_w * sum(w) + arg_add * channels
    b = s * multiplier / 2**shift + addend
    y = clamp((b - start) * segment multiplier / 2**segment shift + segment bias, 0, 255)

and the mean, maximum or picked value of y, as the pooling says. No step is rounded.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.finetune.activation import smooth_activation
from harness.finetune.parameters import LayerParameters, Quantised
from harness.finetune.straight import straight
from harness.kmodel.operations import KpuConv2d
from harness.simulator.kpu.layer import KpuConv2dLayer
from harness.simulator.kpu.pooling import pool_reals
from harness.simulator.rules import Rules


class TrainableLayer(nn.Module):
    """A layer whose numbers follow from `parameters`.

    Attributes:
        parameters_: What is trained.
        range_in: Logarithm of the factor on the step of the input map, or None.
        range_out: The same for the output map.
    """

    def __init__(
        self,
        layer: KpuConv2d,
        rules: Rules,
        range_in: nn.Parameter | None = None,
        range_out: nn.Parameter | None = None,
    ) -> None:
        super().__init__()
        self.rules = rules
        self.parameters_ = LayerParameters(layer)
        self.range_in, self.range_out = range_in, range_out

    def quantise(self) -> Quantised:
        """Return the numbers that the layer computes with now."""
        return self.parameters_.quantise(self._factor(self.range_in), self._factor(self.range_out))

    def encode(self) -> KpuConv2d:
        """Return the layer as a file stores it now."""
        with torch.no_grad():
            return self.parameters_.encode(self.quantise())

    def forward(self, x: Tensor, step: int = 1, picked: bool = False) -> Tensor:
        """Run the layer; see `harness.simulator.kpu.layer.KpuConv2dLayer`.

        Args:
            x: Bytes as float32 [B, N, c, h, w].
            step: Only every `step`-th line and column of the result is wanted.
            picked: Whether `x` already is only what the layer's pooling picks.

        Returns:
            Bytes as float32 [B, N, C, H, W].
        """
        numbers = self.quantise()
        exact = KpuConv2dLayer(self.parameters_.encode(numbers), self.rules, quick=False)
        exact.to(x.device)
        with torch.no_grad():
            found: Tensor = exact(x.to(torch.uint8), step, picked).to(x.dtype)
        if not torch.is_grad_enabled():
            return found
        return straight(self.smooth(exact, numbers, x, step, picked), found)

    def smooth(
        self, exact: KpuConv2dLayer, numbers: Quantised, x: Tensor, step: int, picked: bool
    ) -> Tensor:
        """Return the layer's real numbers, which no step has rounded; see the module."""
        registers, sums = self.parameters_.layer.registers, exact.sums
        height, width = (-(-size // step) for size in exact.size)
        stride = step if picked else step * sums.step
        dtype = x.dtype
        codes = numbers.codes.to(dtype)
        weights = codes + registers.arg_x * 2.0**-registers.shift_x
        windows = sums.windows(x.flatten(0, 1))
        total = functional.conv2d(windows, weights, stride=stride, groups=sums.groups)
        constant = registers.arg_w * 2.0**-registers.shift_w * codes.sum((1, 2, 3))
        constant = constant + registers.arg_add * codes.shape[1]
        factor, addend = numbers.factor.to(dtype), numbers.addend.to(dtype)
        normed = total * factor[:, None, None] + (constant * factor + addend)[:, None, None]
        values = pool_reals(smooth_activation(exact.chain, normed), exact.pooling)
        found: Tensor = torch.unflatten(values[..., :height, :width], 0, x.shape[:2])
        return found

    def _factor(self, range_: nn.Parameter | None) -> Tensor:
        one = self.parameters_.gain.new_ones(())
        return one if range_ is None else torch.exp(range_)
