"""How a tensor of the float model lies in the result of an operation of the kmodel.

nncase computes strides at full resolution and picks afterwards, and puts maps that are too small
for the KPU into the corner of larger ones. A dilated convolution it makes an ordinary one over
maps of every d-th line and column, which lie one behind the other as a batch, with borders that
are cut off afterwards. Elements without a counterpart are NaN here.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt, prod
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Shape = tuple[int, ...]
# What a 3x3 convolution over phases gives beyond those that a dilated one without padding gives.
_BORDER = 1


@dataclass(frozen=True)
class Place:
    """Where the elements are.

    Attributes:
        kind: `whole`: the same elements in the same order; `corner`: the top left part of each
            map; `step`: every second line and column of each map; `phases`: each map of the
            batch, without its border, is every d-th line and column, d² being the batch.
        result: Shape of the operation's result.
        tensor: Shape of the float tensor for one picture.
    """

    kind: Literal["whole", "corner", "step", "phases"]
    result: Shape
    tensor: Shape

    def spread(self, tensor: Tensor) -> Tensor:
        """Return [N, *result] for a float tensor [N, …]; NaN where it has no element."""
        if self.kind == "whole":
            return tensor.reshape(len(tensor), *self.result)
        found = tensor.new_full((len(tensor), *self.result), torch.nan)
        if self.kind == "phases":
            self._inner(found)[...] = self._apart(tensor)
            return found
        self._picked(found)[...] = tensor.reshape(self._picked(found).shape)
        return found

    def gather(self, value: Tensor) -> Tensor:
        """Return the float tensor [N, …] of a result [N, *result]."""
        shape = (len(value), *self.tensor[1:])
        if self.kind == "phases":
            return self._together(self._inner(value))
        return (value if self.kind == "whole" else self._picked(value)).reshape(shape)

    def _picked(self, value: Tensor) -> Tensor:
        height, width = _sides(self.tensor)
        if self.kind == "corner":
            return value[..., :height, :width]
        return value[..., ::2, ::2]

    def _inner(self, value: Tensor) -> Tensor:
        return value[..., _BORDER:-_BORDER, _BORDER:-_BORDER]

    def _apart(self, tensor: Tensor) -> Tensor:
        """Return [N, d², C, h, w] of [N, C, H, W]; NaN where H or W are no multiples of d."""
        side = isqrt(self.result[0])
        missing = [-size % side for size in self.tensor[2:]]
        whole = functional.pad(tensor, (0, missing[1], 0, missing[0]), value=torch.nan)
        split = torch.unflatten(torch.unflatten(whole, 3, (-1, side)), 2, (-1, side))
        return split.permute(0, 3, 5, 1, 2, 4).flatten(1, 2)

    def _together(self, phases: Tensor) -> Tensor:
        """Return [N, C, H, W] of [N, d², C, h, w]."""
        side = isqrt(self.result[0])
        joined = torch.unflatten(phases, 1, (side, side)).permute(0, 3, 4, 1, 5, 2)
        return joined.flatten(4, 5).flatten(2, 3)[..., : self.tensor[2], : self.tensor[3]]


def place_of(result: Shape, tensor: Shape) -> Place | None:
    """Return how a tensor can lie in a result, or None where it cannot.

    Maps of one shape are no maps of another, even if there are as many elements.
    """
    if (prod(result) == prod(tensor) and (len(result), len(tensor)) != (4, 4)) or result == tensor:
        return Place("whole", result, tensor)
    if len(result) == len(tensor) == 4 and result[0] > 1:
        return Place("phases", result, tensor) if _is_phased(result, tensor) else None
    if len(result) != 4 or len(tensor) not in (2, 4) or result[1] != tensor[1]:
        return None
    (height, width), (inner_height, inner_width) = result[2:], _sides(tensor)
    if ((height + 1) // 2, (width + 1) // 2) == (inner_height, inner_width):
        return Place("step", result, tensor)
    if max(inner_height, inner_width) <= 4 and inner_height <= height and inner_width <= width:
        return Place("corner", result, tensor) if min(height, width) == 4 else None
    return None


def _is_phased(result: Shape, tensor: Shape) -> bool:
    side = isqrt(result[0])
    inner = tuple(-(-size // side) + 2 * _BORDER for size in tensor[2:])
    return side * side == result[0] and result[1:] == (tensor[1], *inner)


def _sides(shape: Shape) -> tuple[int, int]:
    return (shape[2], shape[3]) if len(shape) == 4 else (1, 1)
