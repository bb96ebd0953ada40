"""Functions of one element at a time."""

from __future__ import annotations

from collections.abc import Callable
from math import isinf

import torch
from torch import Tensor

from harness.kmodel.operations import (
    Binary,
    BinaryOp,
    Clamp,
    Compare,
    CompareOp,
    Convert,
    Lut1d,
    Operation,
    Sigmoid,
    Ternary,
    Unary,
    UnaryOp,
)
from harness.simulator.dtypes import TORCH
from harness.simulator.errors import unsupported

BINARY: dict[BinaryOp, Callable[[Tensor, Tensor], Tensor]] = {
    BinaryOp.ADD: torch.add,
    BinaryOp.SUB: torch.sub,
    BinaryOp.MUL: torch.mul,
    BinaryOp.DIV: torch.div,
    BinaryOp.MIN: torch.minimum,
    BinaryOp.MAX: torch.maximum,
    BinaryOp.POW: lambda a, b: torch.pow(a.double(), b.double()).to(a.dtype),
    BinaryOp.LOGICAL_AND: lambda a, b: torch.logical_and(a, b).to(a.dtype),
}


def through_double(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return a function computed in float64 and rounded once, which is what glibc's come to."""
    return lambda x: function(x.double()).to(x.dtype)


# PyTorch's own root in float32 may be one unit in the last place off.
root = through_double(torch.sqrt)

UNARY: dict[UnaryOp, Callable[[Tensor], Tensor]] = {
    UnaryOp.ABS: torch.abs,
    UnaryOp.ACOS: through_double(torch.acos),
    UnaryOp.ASIN: through_double(torch.asin),
    UnaryOp.CEIL: torch.ceil,
    UnaryOp.COS: through_double(torch.cos),
    UnaryOp.ERF: through_double(torch.erf),
    UnaryOp.EXP: through_double(torch.exp),
    UnaryOp.FLOOR: torch.floor,
    UnaryOp.LOG: through_double(torch.log),
    UnaryOp.LOGICAL_NOT: lambda x: torch.logical_not(x).to(x.dtype),
    UnaryOp.NEG: torch.neg,
    UnaryOp.ROUND: torch.round,
    UnaryOp.RSQRT: lambda x: 1 / root(x),
    UnaryOp.SIGN: torch.sign,
    UnaryOp.SIN: through_double(torch.sin),
    UnaryOp.SQRT: root,
    UnaryOp.SQUARE: torch.square,
    UnaryOp.TANH: through_double(torch.tanh),
}
COMPARE: dict[CompareOp, Callable[[Tensor, Tensor], Tensor]] = {
    CompareOp.EQUAL: torch.eq,
    CompareOp.NOT_EQUAL: torch.ne,
    CompareOp.GREATER: torch.gt,
    CompareOp.GREATER_EQUAL: torch.ge,
    CompareOp.LESS: torch.lt,
    CompareOp.LESS_EQUAL: torch.le,
}


def aligned(operation: Operation, *tensors: Tensor) -> list[Tensor]:
    """Return tensors with axes of size 1 put behind the batch, so that they broadcast."""
    rank = 1 + max(len(buffer.shape) for buffer in operation.inputs)
    return [t.reshape(t.shape[0], *(1,) * (rank - t.dim()), *t.shape[1:]) for t in tensors]


def clamped(x: Tensor, clamp: Clamp) -> Tensor:
    """Return values limited to a range."""
    return x if all(map(isinf, clamp)) else x.clamp(*clamp)


def binary(operation: Binary, *inputs: Tensor) -> Tensor:
    """Compute a function of two tensors, then clamp."""
    if operation.op not in BINARY:
        raise unsupported(operation, f"function {operation.op.value}")
    a, b = aligned(operation, *inputs)
    if not a.is_floating_point():
        return _of_integers(operation, a, b)
    return clamped(BINARY[operation.op](a, b), operation.clamp)


def _of_integers(operation: Binary, a: Tensor, b: Tensor) -> Tensor:
    """Compute a function of integers as the runtime does: every result goes through float32."""
    if operation.op is BinaryOp.DIV:
        if bool((b == 0).any()):
            raise unsupported(operation, "division of integers by 0")
        result = torch.div(a, b, rounding_mode="trunc")
    else:
        result = BINARY[operation.op](a, b)
    return to_integer(clamped(result.float(), operation.clamp), a.dtype)


def unary(operation: Unary, x: Tensor) -> Tensor:
    """Compute a function of one tensor."""
    if operation.op not in UNARY:
        raise unsupported(operation, f"function {operation.op.value}")
    return UNARY[operation.op](x)


def compare(operation: Compare, *inputs: Tensor) -> Tensor:
    """Compare two tensors."""
    return COMPARE[operation.op](*aligned(operation, *inputs))


def ternary(operation: Ternary, *inputs: Tensor) -> Tensor:
    """Choose between two tensors."""
    condition, a, b = aligned(operation, *inputs)
    return torch.where(condition != 0, a, b)


def convert(operation: Convert, x: Tensor) -> Tensor:
    """Change the element type; floats lose what stands behind the point."""
    result = TORCH[operation.output.dtype]
    if x.is_floating_point() and not result.is_floating_point:
        if result is torch.uint64:
            raise unsupported(operation, f"{x.dtype} to {result}")
        return to_integer(x, result)
    return x.to(result)


def to_integer(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Cut floats off to integers; for what does not fit, do as x86 processors do.

    They know two conversions, to int32 and to int64, which give the least number where the value
    does not fit, and narrower types get the low bytes of that.
    """
    wide = dtype in (torch.int64, torch.uint32)
    limits = torch.iinfo(torch.int64 if wide else torch.int32)
    fits = (x >= float(limits.min)) & (x < -float(limits.min))
    whole = torch.where(fits, torch.trunc(x), 0).to(torch.int64)
    return torch.where(fits, whole, limits.min).to(dtype)


def lut1d(operation: Lut1d, x: Tensor, table: Tensor) -> Tensor:
    """Look bytes up."""
    if x.dtype != torch.uint8 or table.shape[-1] != 256:
        raise unsupported(operation, f"a table of {table.shape[-1]} for {x.dtype}")
    return table.flatten()[x.to(torch.int64)]


def logistic(x: Tensor) -> Tensor:
    """Return 1 / (1 + exp(-x))."""
    return 1 / (1 + through_double(torch.exp)(-x))


def sigmoid(_operation: Sigmoid, x: Tensor) -> Tensor:
    """Compute 1 / (1 + exp(-x))."""
    return logistic(x)
