"""Operations of the KPU, and those that move feature maps into and out of its memory."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from harness.kmodel.operations.base import Operation
from harness.kmodel.registers import LayerRegisters
from harness.kmodel.tables import ActivationTable, BatchNorm


class Pooling(IntEnum):
    """What happens to the convolution's result; the value is `pool_type` in the registers."""

    NONE = 0
    MAX_2_STRIDE_2 = 1
    MEAN_2_STRIDE_2 = 2
    MAX_4_STRIDE_4 = 3
    MEAN_4_STRIDE_4 = 4
    LEFT_TOP_2_STRIDE_2 = 5
    RIGHT_TOP_2_STRIDE_2 = 6
    LEFT_TOP_4_STRIDE_4 = 7
    MEAN_2_STRIDE_1 = 8
    MAX_2_STRIDE_1 = 9

    @property
    def stride(self) -> int:
        """Steps from one window to the next, in both directions."""
        return 1 if self.name.endswith("1") or self is Pooling.NONE else int(self.name[-1])

    @property
    def size(self) -> int:
        """Side of the window."""
        return 1 if self is Pooling.NONE else int(self.name.split("_")[-3])


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class KpuConv2d(Operation):
    """Convolution with stride 1 and same padding, batch norm, activation table, pooling.

    Inputs: the feature map. Outputs: the feature map in KPU memory; then, if the layer is also
    sent there, the same values without gaps in main memory.

    Attributes:
        registers: All registers of the layer.
        weights: uint8 (uint16 in v3 files with 16-bit weights) [out, in, k, k], or [out, 1, k, k]
            for a depthwise layer.
        batch_norm: One row an output channel.
        activation: The table of the activation.
        weights_offset: Where the weights stand in the file, in bytes.
    """

    registers: LayerRegisters
    weights: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    batch_norm: BatchNorm
    activation: ActivationTable
    weights_offset: int

    unit: ClassVar[str] = "KPU"

    @property
    def batches(self) -> int:
        """Images that the layer runs on, one behind the other."""
        return self.input.shape[0]

    @property
    def depthwise(self) -> bool:
        """Whether each output channel sees only its own input channel."""
        return bool(self.registers.depthwise)

    @property
    def kernel(self) -> int:
        """Side of the kernel, 1 or 3."""
        return 3 if self.registers.kernel_type == 1 else 1

    @property
    def pooling(self) -> Pooling:
        """What happens to the convolution's result."""
        return Pooling(self.registers.pool_type)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class KpuUpload(Operation):
    """Copy a uint8 tensor from main memory into the rows of KPU memory."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class KpuDownload(Operation):
    """Copy a feature map from the rows of KPU memory to main memory."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class KpuAddPadding(Operation):
    """Put each uint8 value into the top left corner of a 4x4 map of its own (v3).

    Only the corners are written: what else lies in the maps stays. Input [1, C, 1, 1], output
    [1, C, 4, 4] in KPU memory.
    """


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class KpuRemovePadding(Operation):
    """Take the top left value of each 4x4 map, given without gaps in main memory (v3).

    Input [1, C, 4, 4], output [1, C, 1, 1].
    """
