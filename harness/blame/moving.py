"""ONNX operators that move values about, in PyTorch, on batches.

Each takes the attributes and the inputs of a node, and gives None where it cannot do that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Attributes = Mapping[str, Any]


def flatten(attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    """Join the axes behind the first."""
    (x,) = inputs
    assert x is not None
    return x.flatten(1) if attributes.get("axis", 1) == 1 else None


def reshape(attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    """Give each picture another shape."""
    x, shape = inputs
    assert x is not None
    assert shape is not None
    first, *rest = shape.tolist()
    # A first size of -1 may be more than one picture's, 0 may stand for nothing.
    if first not in (0, 1) or attributes.get("allowzero", 0):
        return None
    sizes = [size or x.shape[axis] for axis, size in enumerate(rest, 1)]
    return x.reshape(len(x), *sizes)


def transpose(attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    """Change the order of the axes behind the first."""
    (x,) = inputs
    assert x is not None
    order = attributes.get("perm", tuple(reversed(range(x.dim()))))
    return x.permute(*order) if order[0] == 0 else None


def depth_to_space(attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    """Make pixels of channels."""
    (x,) = inputs
    assert x is not None
    side = int(attributes["blocksize"])
    if attributes.get("mode", "DCR") == "DCR":
        x = torch.unflatten(x, 1, (side * side, -1)).transpose(1, 2).flatten(1, 2)
    return functional.pixel_shuffle(x, side)


def pad(attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    """Put a border around, or cut one off."""
    x, pads, *rest = [*inputs, None]
    assert x is not None
    modes = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}
    mode = modes.get(attributes.get("mode", "constant"))
    if pads is None or len(rest) > 2 or mode is None or (mode != "constant" and x.dim() != 4):
        return None
    sides = pads.tolist()
    half = len(sides) // 2
    if sides[0] or sides[half] or (mode != "constant" and (sides[1] or sides[half + 1])):
        return None
    axes = range(1 if mode == "constant" else 2, half)
    given = [side for axis in reversed(axes) for side in (sides[axis], sides[axis + half])]
    if mode != "constant":
        return functional.pad(x, given, mode) if min(given) >= 0 else None
    value = rest[0] if rest else None
    return functional.pad(x, given, value=0.0 if value is None else float(value))


def concat(attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    """Put tensors behind one another, but for pictures of a batch."""
    parts = [x for x in inputs if x is not None]
    axis = int(attributes["axis"])
    return torch.cat(parts, axis) if axis % parts[0].dim() else None
