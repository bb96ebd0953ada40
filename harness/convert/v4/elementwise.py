"""Functions of one element at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness.convert.draft import FLOAT, Coded, Draft, refuse
from harness.convert.floats import Floats
from harness.convert.rules import Written
from harness.convert.v4 import steps
from harness.convert.v4.registry import rule
from harness.kmodel.memory import Buffer
from harness.kmodel.operations import (
    Binary,
    BinaryOp,
    Sigmoid,
    Unary,
    UnaryOp,
    UnaryProgram,
)
from harness.kmodel.v4.elementwise import BINARY, UNARY


def _through_double(function: Callable[..., np.ndarray]) -> Callable[[Floats], Floats]:
    return lambda x: np.asarray(function(x.astype(np.float64)), np.float32)


# What v5 computes and v4 has no operation for, as the simulator computes it.
_TABLES: dict[UnaryOp, Callable[[Floats], Floats]] = {
    UnaryOp.SIGN: np.sign,
    UnaryOp.SQRT: _through_double(np.sqrt),
    UnaryOp.TANH: _through_double(np.tanh),
}


@rule(Binary)
def binary(draft: Draft, operation: Binary, a: Buffer, b: Buffer) -> Written:
    """Keep those that v4 has."""
    if operation.op not in BINARY:
        refuse(f"v4 has no function {operation.op.value} of two tensors")
    floats = all(x.dtype is FLOAT for x in (a, b, operation.output))
    if not floats:
        refuse(f"v4 computes with floats only, this is {a.dtype.value} and {b.dtype.value}")
    return Written((steps.binary(draft, operation.op, a, b, operation.clamp),))


@rule(Unary)
def unary(draft: Draft, operation: Unary, x: Buffer) -> Written:
    """Keep those that v4 has; look others up where the input is told by a byte."""
    if x.dtype is not FLOAT:
        refuse(f"v4 computes with floats only, this is {x.dtype.value}")
    if operation.op in UNARY:
        result = steps.unary(draft, operation.op, x)
        if operation.op is UnaryOp.ABS:
            _know(draft, result, x, np.abs)
        elif operation.op is UnaryOp.NEG:
            _know(draft, result, x, np.negative)
        return Written((result,))
    known = steps.coded(draft, x)
    if operation.op not in _TABLES or known is None:
        refuse(f"v4 has no function {operation.op.value}, and its input is no table of bytes")
    with np.errstate(all="ignore"):
        table = _TABLES[operation.op](known.table)
    result = steps.from_table(draft, known.codes, table, x.shape)
    return Written((result,), "its input has 256 possible values: each result was looked up")


def _know(draft: Draft, result: Buffer, x: Buffer, function: Callable[..., np.ndarray]) -> None:
    known, code = draft.values.get(x.pool.name), steps.coded(draft, x)
    told = Coded(code.codes, function(code.table)) if code else None
    draft.know(result, None if known is None else function(known), told)


@rule(UnaryProgram)
def unary_program(draft: Draft, operation: UnaryProgram, x: Buffer) -> Written:
    """Keep it."""
    result = draft.emit(UnaryProgram, (x,), FLOAT, x.shape, code=operation.code)
    return Written((result,))


@rule(Sigmoid)
def sigmoid(draft: Draft, _operation: Sigmoid, x: Buffer) -> Written:
    """Compute 1 / (1 + exp(-x)) in the same steps."""
    t = steps.unary(draft, UnaryOp.NEG, x)
    t = steps.unary(draft, UnaryOp.EXP, t)
    t = steps.binary(draft, BinaryOp.ADD, t, draft.scalar(1))
    result = steps.binary(draft, BinaryOp.DIV, draft.scalar(1), t)
    return Written((result,), "the same steps one by one, each with its own rounding")
