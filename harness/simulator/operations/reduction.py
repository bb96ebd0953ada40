"""One value for many, added up in the order in which they lie in memory."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from harness.kmodel.operations import (
    Cumsum,
    GlobalAveragePool,
    L2Normalization,
    LayerNormalization,
    Reduce,
    ReduceOp,
    ReduceProd,
    Softmax,
)
from harness.simulator.operations.elementwise import root, through_double

COMBINE: dict[ReduceOp, Callable[[Tensor, Tensor], Tensor]] = {
    ReduceOp.MEAN: torch.add,
    ReduceOp.SUM: torch.add,
    ReduceOp.MIN: torch.minimum,
    ReduceOp.MAX: torch.maximum,
}


def running_sum(x: Tensor, initial: float = 0.0) -> Tensor:
    """Add along the last axis, one element after the other."""
    total = torch.full_like(x[..., 0], initial)
    for part in x.movedim(-1, 0).contiguous():
        total += part
    return total


def reduce(operation: Reduce, x: Tensor) -> Tensor:
    """Reduce some axes; a mean divides by the number of elements."""
    result = _reduced(operation, x)
    return result / _count(operation) if operation.op is ReduceOp.MEAN else result


def reduce_v4(operation: Reduce, x: Tensor) -> Tensor:
    """Reduce some axes; a mean multiplies by the float32 inverse of the number of elements."""
    result = _reduced(operation, x)
    inverse = torch.ones((), device=x.device) / _count(operation)
    return result * inverse if operation.op is ReduceOp.MEAN else result


def _count(operation: Reduce) -> int:
    return operation.input.elements // operation.output.elements


def together(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Return axes of the program as the last one, in the order in which their elements lie."""
    behind = [axis + 1 for axis in axes]
    kept = [axis for axis in range(x.dim()) if axis not in behind]
    return x.permute(*kept, *behind).flatten(len(kept)) if behind else x[..., None]


def _reduced(operation: Reduce, x: Tensor) -> Tensor:
    flat = together(x, operation.axes)
    if operation.op in (ReduceOp.MEAN, ReduceOp.SUM):
        result = running_sum(flat, operation.initial)
    else:
        extreme = flat.amin(-1) if operation.op is ReduceOp.MIN else flat.amax(-1)
        initial = torch.full_like(extreme, operation.initial)
        result = COMBINE[operation.op](extreme, initial)
    return result.reshape(x.shape[0], *operation.output.shape)


def reduce_prod(operation: ReduceProd, x: Tensor) -> Tensor:
    """Multiply some axes, one element after the other."""
    flat = together(x, operation.axes)
    product = torch.ones_like(flat[..., 0])
    for part in flat.unbind(-1):
        product = product * part
    return product


def cumsum(operation: Cumsum, x: Tensor) -> Tensor:
    """Add along an axis, and keep every sum: with or without the element itself."""
    parts = list(x.unbind(operation.axis + 1))
    total, sums = torch.zeros_like(parts[0]), []
    for part in reversed(parts) if operation.reverse else parts:
        before, total = total, total + part
        sums.append(before if operation.exclusive else total)
    return torch.stack(sums[::-1] if operation.reverse else sums, operation.axis + 1)


def layer_normalization(
    operation: LayerNormalization, x: Tensor, scale: Tensor, bias: Tensor
) -> Tensor:
    """Bring the axes from one on to mean 0 and variance 1, then scale and shift."""
    flat = x.flatten(operation.axis + 1)
    size = flat.shape[-1]
    centred = flat - running_sum(flat / size)[..., None]
    variance = running_sum(centred * centred / size)[..., None]
    normed = centred / root(variance + operation.epsilon)
    shape = scale.shape[0], *(1,) * (flat.dim() - 2), size
    return normed * scale.reshape(shape) + bias.reshape(shape)


def global_average_pool(_operation: GlobalAveragePool, x: Tensor) -> Tensor:
    """Mean of each channel (v3)."""
    return running_sum(x) / x.shape[-1]


def softmax(operation: Softmax, x: Tensor) -> Tensor:
    """Softmax along an axis; within 2 units in the last place of the runtimes' results."""
    axis = operation.axis + 1
    greatest = x.amax(axis, keepdim=True).clamp(min=operation.least_max)
    powers = through_double(torch.exp)((x - greatest) * operation.beta)
    return powers / running_sum(powers.movedim(axis, -1)).unsqueeze(axis)


def l2_normalization(_operation: L2Normalization, x: Tensor) -> Tensor:
    """Divide by the length (v3)."""
    flat = x.flatten(1)
    length = running_sum(flat * flat).clamp(min=1e-10)
    return x * (1 / root(length)).reshape(-1, *(1,) * (x.dim() - 1))
