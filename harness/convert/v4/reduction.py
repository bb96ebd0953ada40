"""One value for many: sums in the same order, and divisions where v4 multiplies."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from harness.convert.draft import FLOAT, Draft, refuse, reshaped
from harness.convert.moves import transposed
from harness.convert.rules import Written
from harness.convert.v4 import steps
from harness.convert.v4.registry import rule
from harness.kmodel.memory import Buffer
from harness.kmodel.operations import BinaryOp, GlobalAveragePool, Reduce, ReduceOp, Softmax

RANK = 4
_DIVIDED = "v4 multiplies by the inverse of the number: the sum is divided by the number instead"


@rule(Reduce)
def reduce(draft: Draft, operation: Reduce, x: Buffer) -> Written:
    """Reduce in the same order; a mean is a sum and a division."""
    if x.dtype is not FLOAT:
        refuse(f"v4 reduces floats only, this is {x.dtype.value}")
    op, shape = operation.op, operation.output.shape
    count = x.elements // operation.output.elements
    if op is ReduceOp.MEAN and draft.program.version == 4:
        result = _reduce(draft, x, op, operation.axes, operation.initial)
        return Written((reshaped(result, shape),))
    if op is not ReduceOp.MEAN:
        result = _reduce(draft, x, op, operation.axes, operation.initial)
        return Written((reshaped(result, shape),))
    total = _reduce(draft, x, ReduceOp.SUM, operation.axes, operation.initial)
    result = steps.binary(draft, BinaryOp.DIV, total, draft.scalar(count))
    return Written((reshaped(result, shape),), _DIVIDED)


def _reduce(draft: Draft, x: Buffer, op: ReduceOp, axes: Sequence[int], initial: float) -> Buffer:
    sizes, reduced = _groups(x.shape, axes)
    if len(sizes) > RANK:
        refuse(f"it reduces axes {list(axes)} of {len(x.shape)}, which are no {RANK} groups")
    sizes = [1] * (RANK - len(sizes)) + sizes
    reduced = [False] * (RANK - len(reduced)) + reduced
    out = [1 if gone else size for size, gone in zip(sizes, reduced, strict=True)]
    return draft.emit(
        Reduce,
        (reshaped(x, sizes),),
        FLOAT,
        out,
        op=op,
        axes=tuple(
            n
            for n, (size, gone) in enumerate(zip(sizes, reduced, strict=True))
            if gone and size > 1
        ),
        keep_dims=True,
        initial=initial,
    )


def _groups(shape: Sequence[int], axes: Sequence[int]) -> tuple[list[int], list[bool]]:
    """Return sizes with neighbours merged that share their fate, and whether each is reduced."""
    sizes: list[int] = []
    reduced: list[bool] = []
    for axis, size in enumerate(shape):
        gone = axis in axes
        if size == 1 and sizes:
            continue
        if reduced and (reduced[-1] == gone or sizes[-1] == 1):
            sizes[-1] *= size
            reduced[-1] = gone
        else:
            sizes.append(size)
            reduced.append(gone)
    return sizes, reduced


@rule(GlobalAveragePool)
def global_average_pool(draft: Draft, operation: GlobalAveragePool, x: Buffer) -> Written:
    """Sum the pixels of each channel and divide by their number."""
    total = _reduce(draft, x, ReduceOp.SUM, (2,), 0.0)
    result = steps.binary(draft, BinaryOp.DIV, total, draft.scalar(x.shape[-1]))
    return Written((reshaped(result, operation.output.shape),), "a sum, and a division")


@rule(Softmax)
def softmax(draft: Draft, operation: Softmax, x: Buffer) -> Written:
    """Bring the axis to the end and compute there."""
    if operation.least_max > float("-inf"):
        draft.differs("v3 looks for a positive maximum; with negative inputs only, v4 differs")
    axis, rank = operation.axis, len(x.shape)
    last = prod(x.shape[axis + 1 :]) == 1
    there = [*(n for n in range(rank) if n != axis), axis]
    t = x if last else transposed(draft, x, there)
    inner = x.shape[axis]
    flat = reshaped(t, (x.elements // inner, inner))
    result = draft.emit(Softmax, (flat,), FLOAT, flat.shape, axis=1, beta=operation.beta)
    result = reshaped(result, x.shape if last else t.shape)
    if last:
        return Written((result,), "")
    back = [there.index(n) for n in range(rank)]
    why = "the axis is brought to the end, and back"
    return Written((transposed(draft, result, back),), why)
