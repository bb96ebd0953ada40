"""How a tensor of the float model lies in the result of an operation of the kmodel.

nncase computes strides at full resolution and picks afterwards, and puts maps that are too small
for the KPU into the corner of larger ones. Elements without a counterpart are NaN here.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

import torch
from torch import Tensor

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """Where the elements are.

    Attributes:
        kind: `whole`: the same elements in the same order; `corner`: the top left part of each
            map; `step`: every second line and column of each map.
        result: Shape of the operation's result.
        tensor: Shape of the float tensor for one picture.
    """

    kind: Literal["whole", "corner", "step"]
    result: Shape
    tensor: Shape

    def spread(self, tensor: Tensor) -> Tensor:
        """Return [N, *result] for a float tensor [N, …]; NaN where it has no element."""
        if self.kind == "whole":
            return tensor.reshape(len(tensor), *self.result)
        found = tensor.new_full((len(tensor), *self.result), torch.nan)
        self._picked(found)[...] = tensor.reshape(self._picked(found).shape)
        return found

    def gather(self, value: Tensor) -> Tensor:
        """Return the float tensor [N, …] of a result [N, *result]."""
        shape = (len(value), *self.tensor[1:])
        return (value if self.kind == "whole" else self._picked(value)).reshape(shape)

    def _picked(self, value: Tensor) -> Tensor:
        height, width = _sides(self.tensor)
        if self.kind == "corner":
            return value[..., :height, :width]
        return value[..., ::2, ::2]


def place_of(result: Shape, tensor: Shape) -> Place | None:
    """Return how a tensor can lie in a result, or None where it cannot.

    Maps of one shape are no maps of another, even if there are as many elements.
    """
    if (prod(result) == prod(tensor) and (len(result), len(tensor)) != (4, 4)) or result == tensor:
        return Place("whole", result, tensor)
    if len(result) != 4 or len(tensor) not in (2, 4) or result[1] != tensor[1]:
        return None
    (height, width), (inner_height, inner_width) = result[2:], _sides(tensor)
    if ((height + 1) // 2, (width + 1) // 2) == (inner_height, inner_width):
        return Place("step", result, tensor)
    if max(inner_height, inner_width) <= 4 and inner_height <= height and inner_width <= width:
        return Place("corner", result, tensor) if min(height, width) == 4 else None
    return None


def _sides(shape: Shape) -> tuple[int, int]:
    return (shape[2], shape[3]) if len(shape) == 4 else (1, 1)
