"""Operations between uint8 and float32, and on quantised values on the CPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from harness.kmodel.operations.arithmetic import BinaryOp
from harness.kmodel.operations.base import Operation, Padding


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Dequantize(Operation):
    """`q * scale + bias` (v3 and v5)."""

    scale: float
    bias: float


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class DequantizeZeroPoint(Operation):
    """`(q - zero_point) * (1 / scale)` (v4)."""

    label: ClassVar[str] = "dequantize"

    zero_point: int
    scale: float


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class ChannelwiseDequantize(Operation):
    """`q * scale[c] + bias[c]` (v3).

    Attributes:
        scale: float32 [channels].
        bias: float32 [channels].
    """

    scale: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Quantize(Operation):
    """`clamp(round_half_even(x * scale + bias))` (v5)."""

    scale: float
    bias: float


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class QuantizeZeroPoint(Operation):
    """`clamp(round_half_away(x * scale + zero_point))` (v4)."""

    label: ClassVar[str] = "quantize"

    zero_point: int
    scale: float


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class QuantizeInverse(Operation):
    """`clamp(round_half_away((x - bias) * (1 / scale)))` (v3)."""

    label: ClassVar[str] = "quantize"

    scale: float
    bias: float


@dataclass(frozen=True, slots=True)
class Requantization:
    """`value * multiplier >> shift`, then `+ offset`: how a wide sum becomes a byte again."""

    multiplier: int
    shift: int
    offset: int


@dataclass(frozen=True, slots=True)
class QuantizedOperand:
    """`(value + offset) * multiplier >> shift`: how a byte enters a quantised addition."""

    offset: int
    multiplier: int
    shift: int


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class QuantizedAdd(Operation):
    """Sum of two uint8 tensors with the roundings of kendryte-standalone-sdk `kpu.c` (v3)."""

    a: QuantizedOperand
    b: QuantizedOperand
    result: Requantization


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class QuantizedBinary(Operation):
    """Element by element on uint8, with broadcasting (v4)."""

    op: BinaryOp
    a: QuantizedOperand
    b: QuantizedOperand
    result: Requantization


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class QuantizedMatMul(Operation):
    """uint8 matrix product. Inputs: a [m, k], b [k, n], bias int32 [n] (v4)."""

    label: ClassVar[str] = "quantized_matmul"

    a_offset: int
    b_offset: int
    result: Requantization


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class QuantizedConv2d(Operation):
    """uint8 convolution on the CPU (v4).

    Inputs: x; weights uint8; bias int32 [out]. With `channels_last`, x is NHWC and the weights
    are [out, k, k, in] (depthwise [channels, k, k], nncase's `cpu_` operations); otherwise NCHW
    and [out, in / groups, k, k].
    """

    groups: int
    padding_h: Padding
    padding_w: Padding
    stride: tuple[int, int]
    dilation: tuple[int, int]
    input_offset: int
    filter_offset: int
    result: Requantization
    channels_last: bool = False


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Lut1d(Operation):
    """Table look-up. Inputs: x, table.

    Attributes:
        minimum: Value that the first entry stands for; values below are raised to it.
        maximum: Value that the last entry stands for.
    """

    minimum: float
    maximum: float
