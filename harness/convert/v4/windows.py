"""Convolutions, matrix products and pooling in float."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from harness.convert.draft import FLOAT, Draft, is_constant, refuse, reshaped
from harness.convert.moves import joined, moved
from harness.convert.rules import Written
from harness.convert.v4 import steps
from harness.convert.v4.registry import rule
from harness.kmodel.memory import Buffer
from harness.kmodel.operations import (
    NO_CLAMP,
    Activation,
    AveragePool,
    BinaryOp,
    Conv2d,
    FullyConnected,
    MatMul,
    MaxPool,
    Padding,
    ReduceOp,
    ReduceWindow2d,
)

MOST_PRODUCTS = 64
_CLAMPS = {
    Activation.LINEAR: NO_CLAMP,
    Activation.RELU: (0.0, float("inf")),
    Activation.RELU6: (0.0, 6.0),
}


def behind(
    size: int, result: int, padding: Padding, kernel: int, stride: int, dilation: int
) -> Padding:
    """Return a padding with which v4's formula gives the result's size.

    Windows begin every `stride` elements; how far the input reaches behind the last of them
    changes nothing but the number of windows.
    """
    after = (result - 1) * stride + (kernel - 1) * dilation + 1 - size - padding.before
    return Padding(padding.before, after)


def _windows(
    image: Sequence[int],
    result: Sequence[int],
    padding: tuple[Padding, Padding],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> tuple[Padding, Padding]:
    lines, columns = (
        behind(*axis) for axis in zip(image, result, padding, kernel, stride, dilation, strict=True)
    )
    return lines, columns


@rule(Conv2d)
def conv2d(draft: Draft, operation: Conv2d, x: Buffer, weights: Buffer, bias: Buffer) -> Written:
    """Keep it: both generations start from the bias and add products in the same order."""
    if operation.channels_last:
        refuse("its channels come last")
    if not (is_constant(weights) and is_constant(bias)):
        refuse("its weights or bias are computed, and v4 stores them in the file")
    lines, columns = _windows(
        x.shape[2:],
        operation.output.shape[2:],
        (operation.padding_h, operation.padding_w),
        weights.shape[2:],
        operation.stride,
        operation.dilation,
    )
    result = draft.emit(
        Conv2d,
        (x, weights, reshaped(bias, (bias.elements,))),
        FLOAT,
        operation.output.shape,
        groups=operation.groups,
        padding_h=lines,
        padding_w=columns,
        stride=operation.stride,
        dilation=operation.dilation,
        clamp=operation.clamp,
    )
    return Written((result,))


@rule(ReduceWindow2d)
def reduce_window2d(draft: Draft, operation: ReduceWindow2d, x: Buffer) -> Written:
    """Keep it."""
    if x.dtype is not FLOAT or operation.channels_last:
        refuse(f"v4 pools floats in NCHW only, this is {x.dtype.value}")
    lines, columns = _windows(
        x.shape[2:],
        operation.output.shape[2:],
        (operation.padding_h, operation.padding_w),
        operation.filter,
        operation.stride,
        operation.dilation,
    )
    result = draft.emit(
        ReduceWindow2d,
        (x,),
        FLOAT,
        operation.output.shape,
        op=operation.op,
        filter=operation.filter,
        padding_h=lines,
        padding_w=columns,
        stride=operation.stride,
        dilation=operation.dilation,
        initial=operation.initial,
        clamp=operation.clamp,
    )
    if operation.op in (ReduceOp.MIN, ReduceOp.MAX) and operation.clamp == NO_CLAMP:
        moved(draft, result, x)
        known = draft.values.get(result.pool.name)
        if known is not None:
            draft.know(result, np.append(known, np.float32(operation.initial)))
    return Written((result,))


def _pool(draft: Draft, operation: MaxPool | AveragePool, x: Buffer, op: ReduceOp) -> Buffer:
    before = (Padding(operation.padding[0], 0), Padding(operation.padding[1], 0))
    shape = operation.output.shape
    lines, columns = _windows(
        x.shape[2:], shape[2:], before, operation.filter, operation.stride, (1, 1)
    )
    return draft.emit(
        ReduceWindow2d,
        (x,),
        FLOAT,
        shape,
        op=op,
        filter=operation.filter,
        padding_h=lines,
        padding_w=columns,
        stride=operation.stride,
        dilation=(1, 1),
        initial=0.0,
        clamp=NO_CLAMP,
    )


@rule(AveragePool)
def average_pool(draft: Draft, operation: AveragePool, x: Buffer) -> Written:
    """Pool with a mean; v3's runtime leaves the activation out."""
    result = _pool(draft, operation, x, ReduceOp.MEAN)
    return Written((result,), "the same sum, divided by the same number of pixels")


@rule(MaxPool)
def max_pool(draft: Draft, operation: MaxPool, x: Buffer) -> Written:
    """Pool bytes as floats."""
    t = _pool(draft, operation, steps.dequantize(draft, x, 0, 1.0), ReduceOp.MAX)
    return Written((steps.quantize(draft, t, 0, 1.0),), "every byte is exact as a float")


@rule(FullyConnected)
def fully_connected(
    draft: Draft, operation: FullyConnected, x: Buffer, weights: Buffer, bias: Buffer
) -> Written:
    """Multiply with bias 0, and add the bias last."""
    matrix = draft.constant(np.ascontiguousarray(draft.read(weights).T))
    zero = draft.constant(np.zeros(bias.elements, np.float32))
    result = steps.product(draft, x, matrix, zero)
    result = steps.binary(draft, BinaryOp.ADD, result, bias, _CLAMPS[operation.activation])
    why = "the products are added up from 0, and the bias last"
    return Written((reshaped(result, operation.output.shape),), why)


@rule(MatMul)
def matmul(draft: Draft, operation: MatMul, a: Buffer, b: Buffer, bias: Buffer) -> Written:
    """Multiply matrix by matrix."""
    if not is_constant(bias):
        refuse("its bias is computed, and v4 stores it in the file")
    shape = operation.output.shape
    rows, inner = a.shape[-2:]
    bias = reshaped(bias, (bias.elements,))
    if prod(b.shape[:-2]) == 1:
        matrix = reshaped(b, b.shape[-2:])
        flat = reshaped(a, (a.elements // inner, inner))
        result = steps.product(draft, flat, matrix, bias, operation.clamp)
        return Written((reshaped(result, shape),), "" if len(a.shape) == 2 else "the same products")
    count = prod(shape[:-2])
    if count > MOST_PRODUCTS:
        refuse(f"it multiplies {count} pairs of matrices, and v4 one at a time")
    many = [_matrices(x, count) for x in (a, b)]
    pairs = zip(*many, strict=True)
    parts = [steps.product(draft, left, right, bias, operation.clamp) for left, right in pairs]
    joint = joined(draft, [reshaped(part, (1, rows, shape[-1])) for part in parts], 0)
    return Written((reshaped(joint, shape),), "the same products, one pair of matrices at a time")


def _matrices(x: Buffer, count: int) -> list[Buffer]:
    """Return the matrices of a tensor as places in it, one for each of the results."""
    rows, columns = x.shape[-2:]
    found = prod(x.shape[:-2])
    if found not in (1, count):
        refuse(f"it broadcasts {found} matrices to {count}")
    size = rows * columns * x.dtype.itemsize
    at = range(0, found * size, size) if found > 1 else [0] * count
    strides = reshaped(x, (rows, columns)).strides
    return [Buffer(x.pool, x.offset + n, x.dtype, (rows, columns), strides) for n in at]
