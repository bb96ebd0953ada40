"""Single operations of v4, each appended to a draft."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from harness.convert.draft import BYTE, FLOAT, Coded, Draft, is_constant, refuse, reshaped
from harness.kmodel.memory import Buffer
from harness.kmodel.operations import (
    NO_CLAMP,
    Binary,
    BinaryOp,
    Clamp,
    Concat,
    DequantizeZeroPoint,
    Lut1d,
    MatMul,
    QuantizeZeroPoint,
    Unary,
    UnaryOp,
)

RANK = 4
_FUNCTIONS = {
    BinaryOp.ADD: np.add,
    BinaryOp.SUB: np.subtract,
    BinaryOp.MUL: np.multiply,
    BinaryOp.DIV: np.divide,
    BinaryOp.MIN: np.minimum,
    BinaryOp.MAX: np.maximum,
}


def in_four_axes(shapes: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return shapes that broadcast in the same way, each with four axes; the last is the result's.

    Raises:
        Refused: They have more axes that differ in how they broadcast.
    """
    rank = max(map(len, shapes))
    wide = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    groups: list[list[int]] = []
    for sizes in zip(*wide, strict=True):
        kind = [size == sizes[-1] for size in sizes]
        same = groups and kind == [size == groups[-1][-1] for size in groups[-1]]
        if (groups and sizes[-1] == 1) or (groups and same):
            groups[-1] = [a * b for a, b in zip(groups[-1], sizes, strict=True)]
        elif groups and groups[-1][-1] == 1:
            groups[-1] = list(sizes)
        else:
            groups.append(list(sizes))
    if rank <= RANK:
        groups = [list(sizes) for sizes in zip(*wide, strict=True)]
    if len(groups) > RANK:
        refuse(f"it broadcasts over {len(groups)} axes that cannot be seen as {RANK}")
    groups = [[1] * len(shapes)] * (RANK - len(groups)) + groups
    return [tuple(group[n] for group in groups) for n in range(len(shapes))]


def binary(draft: Draft, op: BinaryOp, a: Buffer, b: Buffer, clamp: Clamp = NO_CLAMP) -> Buffer:
    """Append a function of two tensors that broadcast."""
    shape = np.broadcast_shapes(a.shape, b.shape)
    terms = _linear(draft, op, b) if shape == a.shape else None
    if terms is not None:
        column = reshaped(a, (a.elements, 1))
        result = product(draft, column, *terms, clamp)
    else:
        first, second, out = in_four_axes([a.shape, b.shape, shape])
        inputs = reshaped(a, first), reshaped(b, second)
        result = draft.emit(Binary, inputs, FLOAT, out, op=op, clamp=clamp)
    _know_binary(draft, op, a, b, result, clamp)
    return reshaped(result, shape)


def _linear(draft: Draft, op: BinaryOp, b: Buffer) -> tuple[Buffer, Buffer] | None:
    """Return factor and term for which `term + x * factor` is `x op b`, to the bit; None if none.

    As a matrix product of one column this costs a ninth: the runtime's loop over two tensors
    that broadcast computes three indices for each element. Either the product or the sum is
    exact, so that fusing them changes nothing; adding -0 also keeps the sign of zeros.
    """
    if op not in (BinaryOp.ADD, BinaryOp.SUB, BinaryOp.MUL):
        return None
    if not is_constant(b) or b.elements > 1:
        return None
    value = float(draft.read(b).item())
    if np.isnan(value):  # its sign would turn
        return None
    if op is BinaryOp.MUL:
        factor, term = value, -0.0
    else:
        factor, term = 1.0, value if op is BinaryOp.ADD else -value
    return draft.constant([[factor]]), draft.constant([term])


def product(draft: Draft, a: Buffer, b: Buffer, bias: Buffer, clamp: Clamp = NO_CLAMP) -> Buffer:
    """Append a product of matrices [M, K] and [K, N], which starts from a bias [N]."""
    shape = a.shape[0], b.shape[1]
    return draft.emit(MatMul, (a, b, bias), FLOAT, shape, clamp=clamp)


def _know_binary(
    draft: Draft, op: BinaryOp, a: Buffer, b: Buffer, result: Buffer, clamp: Clamp
) -> None:
    if not is_constant(b) or b.elements > 1:
        return
    other = np.float32(draft.read(b).item())
    with np.errstate(all="ignore"):
        draft_coded = coded(draft, a)
        if draft_coded is not None:
            table = np.clip(_FUNCTIONS[op](draft_coded.table, other), *clamp).astype(np.float32)
            draft.know(result, None, Coded(draft_coded.codes, table))
        known = draft.values.get(a.pool.name)
        if known is not None:
            draft.know(result, np.clip(_FUNCTIONS[op](known, other), *clamp).astype(np.float32))


def coded(draft: Draft, x: Buffer) -> Coded | None:
    """Return the bytes that tell a tensor's elements, if there are any."""
    found = draft.coded.get(x.pool.name)
    return found if found and x.offset == 0 and x.elements == found.codes.elements else None


def unary(draft: Draft, op: UnaryOp, x: Buffer) -> Buffer:
    """Append a function of one tensor."""
    return draft.emit(Unary, (x,), FLOAT, x.shape, op=op)


def dequantize(draft: Draft, x: Buffer, zero_point: int, scale: float) -> Buffer:
    """Append a dequantisation."""
    return draft.emit(DequantizeZeroPoint, (x,), FLOAT, x.shape, zero_point=zero_point, scale=scale)


def quantize(draft: Draft, x: Buffer, zero_point: int, scale: float) -> Buffer:
    """Append a quantisation."""
    return draft.emit(QuantizeZeroPoint, (x,), BYTE, x.shape, zero_point=zero_point, scale=scale)


def from_table(draft: Draft, codes: Buffer, table: np.ndarray, shape: Sequence[int]) -> Buffer:
    """Append look-ups that give the float of a table for each byte, byte by byte of the float."""
    count = prod(shape)
    planes = np.ascontiguousarray(table, "<f4").view(np.uint8).reshape(256, 4)
    flat = reshaped(codes, (count,))
    parts = [
        draft.emit(
            Lut1d,
            (flat, draft.constant(planes[:, n], BYTE)),
            BYTE,
            (count,),
            minimum=0,
            maximum=255,
        )
        for n in range(4)
    ]
    result = draft.emit(Concat, parts, FLOAT, (count,), outer=count, pieces=(1, 1, 1, 1))
    draft.know(result, np.asarray(table, np.float32), Coded(codes, np.asarray(table, np.float32)))
    return reshaped(result, shape)
