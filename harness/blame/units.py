"""What the integers of a KPU layer stand for, in the units of the float model.

nncase 1.9 quantises weights channel by channel, symmetrically: a channel whose largest absolute
weight is m has the step 2m/255, but never less than that of m = 0.01, and code 128 for zero. The
batch norm of the layer carries the steps, so that from there on all channels have one unit. The
activation table maps that unit to the codes of the result. Each of the two is known from the file
but for one factor, which the float weights and the float activation give, and the rest of the
layer confirms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from harness.kmodel.operations import KpuConv2d
from harness.kmodel.tables import ActivationTable
from harness.simulator.kpu.pooling import PICKS, pool_reals

Floats = npt.NDArray[np.float64]
WEIGHT_ZERO = 128
# Found by its codes: channels with smaller weights have the steps of this one.
LEAST_WEIGHT_RANGE = 0.01


@dataclass(frozen=True)
class Codes:
    """Codes 0 to 255 that stand for `scale * (code - zero_point)`.

    The zero point of the model's input may lie between two codes.
    """

    scale: float
    zero_point: float

    @classmethod
    def of_bytes(cls, span: tuple[float, float]) -> Codes:
        """Return what the bytes of a picture stand for, of which 0 and 255 are the two given."""
        step = (span[1] - span[0]) / 255
        return cls(step, -span[0] / step)

    def decode_images(self, images: npt.NDArray[np.uint8]) -> Tensor:
        """Return what the bytes of pictures stand for: float32, of the same shape."""
        return self.decode(torch.from_numpy(np.ascontiguousarray(images)))

    @property
    def low(self) -> float:
        """What code 0 stands for."""
        return -self.scale * self.zero_point

    @property
    def high(self) -> float:
        """What code 255 stands for."""
        return self.scale * (255 - self.zero_point)

    def encode(self, x: Tensor) -> Tensor:
        """Return the nearest codes, uint8; what is not a number gives 0."""
        codes = x.mul(1 / self.scale).add_(self.zero_point).nan_to_num_(0.0, 255.0, 0.0)
        return codes.round_().clamp_(0, 255).to(torch.uint8)

    def decode(self, codes: Tensor) -> Tensor:
        """Return what codes stand for, float32."""
        return codes.float().sub_(self.zero_point).mul_(self.scale)

    def rounded(self, x: Tensor) -> Tensor:
        """Return the values that the nearest codes stand for; what was no number is any."""
        zero = round(self.zero_point)
        if zero == self.zero_point and 0 <= zero <= 255:
            # One pass over the data instead of six; equal but for the last bit of a float.
            return torch.fake_quantize_per_tensor_affine(x, self.scale, zero, 0, 255)
        codes = x.mul(1 / self.scale).add_(self.zero_point).round_().clamp_(0, 255)
        return codes.sub_(self.zero_point).mul_(self.scale)


def centred_weights(layer: KpuConv2d) -> Floats:
    """Return the weight codes less their zero point: float64 [out, in, k, k]."""
    registers = layer.registers
    zero = -registers.arg_x / 2**registers.shift_x
    return np.asarray(np.asarray(layer.weights, np.float64) - zero, np.float64)


def gains(layer: KpuConv2d) -> Floats:
    """Return what the batch norm multiplies each channel's sum with: float64 [out]."""
    norm = layer.batch_norm
    return np.asarray(norm.multiplier / 2.0 ** norm.shift.astype(np.float64), np.float64)


def addends(layer: KpuConv2d) -> Floats:
    """Return what the batch norm adds: float64 [out]."""
    return np.asarray(layer.batch_norm.addend, np.float64)


def expected_codes(weights: Floats) -> npt.NDArray[np.int64]:
    """Return the codes that nncase gives float weights [out, in, k, k]; 0 for no numbers."""
    steps = weight_steps(weights)
    with np.errstate(invalid="ignore"):
        codes = np.rint(weights / steps[:, None, None, None]) + WEIGHT_ZERO
    return np.asarray(np.clip(np.nan_to_num(codes), 0, 255), np.int64)


def weight_steps(weights: Floats) -> Floats:
    """Return what one code stands for, of each channel of [out, in, k, k]."""
    largest = np.abs(weights).reshape(len(weights), -1).max(1)
    return np.asarray(2 * np.maximum(largest, LEAST_WEIGHT_RANGE) / 255, np.float64)


class Sums:
    """The convolution and the batch norm of a layer in float32: codes less zero → table's input.

    Args:
        layer: The layer.
        scale: What one code of the input stands for, if the input comes in real numbers.
        unit: What one unit of the result stands for, if that is wanted in real numbers.
        other: Weights [out, in, k, k] and bias [out] to take instead of the layer's, in real
            numbers.
    """

    def __init__(
        self,
        layer: KpuConv2d,
        scale: float = 1.0,
        unit: float = 1.0,
        other: tuple[Floats, Floats] | None = None,
    ) -> None:
        kernel = centred_weights(layer) * gains(layer)[:, None, None, None] * (unit / scale)
        kernel, addend = (kernel, addends(layer) * unit) if other is None else other
        self.kernel = torch.from_numpy(kernel.astype(np.float32))
        self.addend = torch.from_numpy(addend.astype(np.float32))
        self.padding, self.groups = layer.kernel // 2, len(kernel) if layer.depthwise else 1
        # Where a layer picks one of each window, and which column of that.
        picks = layer.pooling in PICKS
        self.stride = layer.pooling.stride if picks else 1
        self.column = PICKS[layer.pooling][1] if picks else 0
        self.size = layer.output.shape[2:] if self.stride > 1 else layer.input.shape[2:]

    def __call__(self, x: Tensor, step: int = 1, picked: bool = False) -> Tensor:
        """Return [N, C, H, W] in the table's units, with what the pooling picks, if it does.

        Args:
            x: Codes less their zero point, [N, c, h, w].
            step: Only every `step`-th line and column of the result is wanted.
            picked: Whether `x` is only what the layer's pooling picks.
        """
        stride = 1 if picked or self.column else self.stride * step
        found = functional.conv2d(x, self.kernel, self.addend, stride, self.padding, 1, self.groups)
        if self.column:
            found = found[..., :: self.stride * step, self.column :: self.stride * step]
        height, width = (-(-size // step) for size in self.size)
        return found[..., :height, :width]


def tabled(table: ActivationTable, x: Tensor) -> Tensor:
    """Return the activation table's value without rounding, limited to 0 … 255, float64."""
    starts = np.asarray(table.start, np.float64)
    order = np.argsort(starts, kind="stable")
    sorted_starts = torch.from_numpy(starts[order])
    wide = x.double()
    reached = (torch.bucketize(wide, sorted_starts) - 1).clamp(min=0)
    slopes = table.multiplier[order] / 2.0 ** table.shift[order].astype(np.float64)
    slope, bias = torch.from_numpy(slopes), torch.from_numpy(table.bias[order].astype(np.float64))
    found = (wide - sorted_starts[reached]) * slope[reached] + bias[reached]
    return found.clamp(0, 255)


def unrounded_codes(layer: KpuConv2d, sums: Tensor) -> Tensor:
    """Return what a layer's table and pooling make of its sums [N, *shape]: float64, 0 to 255."""
    found = pool_reals(tabled(layer.activation, sums.flatten(0, 1)), layer.pooling)
    return torch.unflatten(found, 0, sums.shape[:2])


def table_span(table: ActivationTable) -> tuple[float, float]:
    """Return the inputs between which the table gives more than its two ends."""
    order = np.argsort(table.start, kind="stable")
    last = order[-1]
    slope = float(table.multiplier[last]) / 2.0 ** float(table.shift[last])
    rest = max(0.0, 255.0 - float(table.bias[last])) / slope if slope > 0 else 0.0
    # A last segment that hardly rises reaches its end far outside of what a layer gives.
    rest = min(rest, 2.0**35)
    return float(table.start[order[1]]), float(table.start[last]) + rest


@dataclass(frozen=True)
class TableFit:
    """Codes of a layer's result, taken from its table and the float activation.

    Attributes:
        codes: Scale, and the nearest whole zero point.
        worst: Largest distance of the table from the float activation, in codes.
        points: How many points it rests on.
    """

    codes: Codes
    worst: float
    points: int


def fit_codes(activated: Tensor, codes: Tensor, zero: float | None = None) -> TableFit | None:
    """Return scale and zero point that make codes of floats, by least squares.

    Args:
        activated: What the float activation gives.
        codes: What the table gives for the same, without rounding.
        zero: The zero point, where a reader of the codes says it. Segments of a curve miss it.

    Returns:
        None where fewer than eight points lie inside of the codes' range, all are equal, or zero
        would be no code: nncase's ranges hold it.
    """
    inside = (codes > 0) & (codes < 255) & torch.isfinite(activated)
    x, y = activated[inside].double(), codes[inside].double()
    if len(x) < 8 or float(x.max() - x.min()) <= 0 or float(y.max() - y.min()) <= 1:
        return None
    centred = x - x.mean()
    slope = float((centred * (y - y.mean())).sum() / (centred * centred).sum())
    if slope <= 0:
        return None
    intercept = float(y.mean() - slope * x.mean())
    if zero is not None and round(intercept) != round(zero):
        slope, intercept = float((x * (y - zero)).sum() / (x * x).sum()), zero
    if not -1 < intercept < 256:
        return None
    worst = float((x * slope + intercept - y).abs().max())
    return TableFit(Codes(1 / slope, float(round(intercept))), worst, len(x))
