"""Operations that look at windows or at all pairs: convolutions, matrix products, pooling."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from harness.kmodel.operations.arithmetic import Activation, ReduceOp
from harness.kmodel.operations.base import Clamp, Operation, Padding


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class MatMul(Operation):
    """`clamp(a @ b + bias)`. Inputs: a, b, bias [n]."""

    label: ClassVar[str] = "matmul"

    clamp: Clamp

    @property
    def is_column(self) -> bool:
        """Whether each element of `a` is but scaled and shifted: `b` is a single number."""
        return self.inputs[1].elements == 1


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class FullyConnected(Operation):
    """`activation(weights @ x + bias)` in float, the bias added last (v3).

    Inputs: x [1, in], weights [out, in], bias [out].
    """

    activation: Activation


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Conv2d(Operation):
    """`clamp(conv(x, weights) + bias)` in float.

    Inputs: x; weights; bias [out]. With `channels_last`, x is NHWC and the weights are
    [out, k, k, in] (depthwise [channels, k, k], nncase 0.2's `cpu_` operations); otherwise NCHW
    and [out, in / groups, k, k].
    """

    groups: int
    padding_h: Padding
    padding_w: Padding
    stride: tuple[int, int]
    dilation: tuple[int, int]
    clamp: Clamp
    channels_last: bool = False


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Conv2dTranspose(Operation):
    """Transposed convolution in float (v4). Inputs: x, weights [out, in / groups, k, k], bias.

    The bias stands in the file, and the runtime of nncase 0.2 never adds it.
    """

    groups: int
    padding_h: Padding
    padding_w: Padding
    stride: tuple[int, int]
    dilation: tuple[int, int]
    clamp: Clamp


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class ReduceWindow2d(Operation):
    """Pooling in float.

    Attributes:
        op: How a window becomes one value; a mean counts only elements inside the input.
        filter: Height and width of the window.
        initial: Value to start from.
        channels_last: Whether x is NHWC.
    """

    op: ReduceOp
    filter: tuple[int, int]
    padding_h: Padding
    padding_w: Padding
    stride: tuple[int, int]
    dilation: tuple[int, int]
    initial: float
    clamp: Clamp
    channels_last: bool = False


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class GlobalAveragePool(Operation):
    """Mean of each channel (v3): [1, C, H * W] to [1, C]."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class MaxPool(Operation):
    """Greatest uint8 of each window, 0 where a window is empty (v3)."""

    filter: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class AveragePool(Operation):
    """Mean of each window in float over the elements inside the input (v3).

    The runtime reads `activation` and does not apply it.
    """

    filter: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    activation: Activation


class RoiMode(Enum):
    """How the samples of a region become one value."""

    AVERAGE = "average"
    MAX = "max"


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class RoiAlign(Operation):
    """Pooling of regions. Inputs: x, regions, batch indices (v5)."""

    mode: RoiMode
    spatial_scale: float
    sampling_ratio: int


class GruDirection(Enum):
    """Which way a recurrent layer reads."""

    FORWARD = "forward"
    REVERSE = "reverse"
    BIDIRECTIONAL = "bidirectional"


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Gru(Operation):
    """Gated recurrent layer. Inputs: x, w, r, b, initial h. Outputs: all h, last h (v5)."""

    direction: GruDirection
    linear_before_reset: bool


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class DetectionPostprocess(Operation):
    """TFLite's box decoding and suppression (v5).

    Inputs: boxes, scores, anchors. Outputs: locations, classes, scores, number of detections.
    """

    max_detections: int
    max_classes_per_detection: int
    detections_per_class: int
    regular_suppression: bool
    score_threshold: float
    iou_threshold: float
    classes: int
    scale: tuple[float, float, float, float]
