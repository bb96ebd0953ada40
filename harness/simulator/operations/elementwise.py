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
}


def through_double(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return a function computed in float64 and rounded once, which is what glibc's come to."""
    return lambda x: function(x.double()).to(x.dtype)


UNARY: dict[UnaryOp, Callable[[Tensor], Tensor]] = {
    UnaryOp.ABS: torch.abs,
    UnaryOp.CEIL: torch.ceil,
    UnaryOp.COS: through_double(torch.cos),
    UnaryOp.EXP: through_double(torch.exp),
    UnaryOp.FLOOR: torch.floor,
    UnaryOp.LOG: through_double(torch.log),
    UnaryOp.NEG: torch.neg,
    UnaryOp.RSQRT: lambda x: 1 / through_double(torch.sqrt)(x),
    UnaryOp.SIGN: torch.sign,
    UnaryOp.SIN: through_double(torch.sin),
    UnaryOp.SQRT: through_double(torch.sqrt),
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
    if operation.op is BinaryOp.DIV and not a.is_floating_point():
        raise unsupported(operation, "division of integers")
    return clamped(BINARY[operation.op](a, b), operation.clamp)


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
    """Change the element type; only widening is the same on every machine."""
    source, result = x.dtype, TORCH[operation.output.dtype]
    if not torch.can_cast(source, result):
        raise unsupported(operation, f"{source} to {result}")
    return x.to(result)


def lut1d(operation: Lut1d, x: Tensor, table: Tensor) -> Tensor:
    """Look bytes up."""
    if x.dtype != torch.uint8 or table.shape[-1] != 256:
        raise unsupported(operation, f"a table of {table.shape[-1]} for {x.dtype}")
    return table.flatten()[x.to(torch.int64)]


def sigmoid(_operation: Sigmoid, x: Tensor) -> Tensor:
    """Compute 1 / (1 + exp(-x))."""
    return 1 / (1 + through_double(torch.exp)(-x))
