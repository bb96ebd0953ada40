"""Operations that move elements and compute nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from harness.kmodel.operations.base import Operation, Padding


class ResizeMode(Enum):
    """How values between pixels are made."""

    BILINEAR = "bilinear"
    NEAREST = "nearest"


class PadMode(Enum):
    """What is put outside."""

    CONSTANT = "constant"
    REFLECT = "reflect"
    SYMMETRIC = "symmetric"
    EDGE = "edge"


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Copy(Operation):
    """The same elements at another place, possibly with other strides.

    The strides of the buffers say which elements: a copy into a part of a larger buffer is how
    v5 concatenates in place.
    """


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Concat(Operation):
    """The inputs one behind the other along an axis.

    Attributes:
        outer: Number of times that a piece of each input is taken.
        pieces: Bytes of one piece, an input.
    """

    outer: int
    pieces: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Flatten(Operation):
    """From CHW to HWC order, as one axis (v3)."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Broadcast(Operation):
    """Repetition along axes of size 1 (v5)."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Transpose(Operation):
    """Axes in another order: axis `i` of the output is axis `perm[i]` of the input."""

    perm: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Slice(Operation):
    """Elements from `begins` to before `ends` in steps of `strides`, an axis."""

    begins: tuple[int, ...]
    ends: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Pad(Operation):
    """Elements put around and between.

    Attributes:
        paddings: One an axis.
        mode: What is put there.
        value: Used by `PadMode.CONSTANT`.
    """

    paddings: tuple[Padding, ...]
    mode: PadMode
    value: float


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Resize(Operation):
    """NCHW images in another size, which the output's shape gives.

    Attributes:
        mode: How values between pixels are made.
        align_corners: Whether the corner pixels keep their place.
        half_pixel_centers: Whether pixels are seen as areas.
    """

    mode: ResizeMode
    align_corners: bool
    half_pixel_centers: bool


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class SpaceToBatch(Operation):
    """Blocks of pixels become batches (v5)."""

    block: tuple[int, ...]
    paddings: tuple[Padding, ...]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class BatchToSpace(Operation):
    """Batches become blocks of pixels (v5)."""

    block: tuple[int, ...]
    crops: tuple[Padding, ...]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Gather(Operation):
    """Slices picked by index along an axis. Inputs: x, indices (v5)."""

    axis: int


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class GatherNd(Operation):
    """Slices picked by tuples of indices. Inputs: x, indices (v5)."""

    batch_dims: int


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class GatherElements(Operation):
    """Elements picked by index along an axis. Inputs: x, indices (v5)."""

    axis: int


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class OneHot(Operation):
    """Inputs: indices, depth, on value, off value (v5).

    Attributes:
        axis: Where the new axis stands.
        negative_indices: Whether negative indices count from the end.
    """

    axis: int
    negative_indices: bool


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class TopK(Operation):
    """Outputs: values, indices (v5)."""

    k: int
    axis: int
    largest: bool
    sorted: bool


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Trilu(Operation):
    """The upper or lower triangle of the last two axes, shifted by `k` (v5)."""

    upper: bool
    k: int


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class RandomNormal(Operation):
    """Normally distributed numbers; no inputs (v5)."""

    mean: float
    std: float
    seed: float


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class RandomUniform(Operation):
    """Evenly distributed numbers; no inputs (v5)."""

    low: float
    high: float
    seed: float
