"""Float layers of v3."""

from __future__ import annotations

import numpy as np

from harness.convert.draft import FLOAT, Draft, is_constant, refuse, reshaped
from harness.convert.moves import joined
from harness.convert.rules import Written
from harness.convert.v3 import steps
from harness.convert.v3.quantization import dequantized_from
from harness.convert.v3.registry import rule
from harness.kmodel.memory import Buffer, DType
from harness.kmodel.operations import (
    NO_CLAMP,
    Activation,
    AveragePool,
    Binary,
    BinaryOp,
    Conv2d,
    FullyConnected,
    GlobalAveragePool,
    L2Normalization,
    MatMul,
    MaxPool,
    Reduce,
    ReduceOp,
    ReduceWindow2d,
    Sigmoid,
    Softmax,
)
from harness.kmodel.v3.cpu import SMALLEST_NORMAL

_ACTIVATIONS = {
    NO_CLAMP: Activation.LINEAR,
    (0.0, float("inf")): Activation.RELU,
    (0.0, 6.0): Activation.RELU6,
}


@rule(Reduce)
def reduce(draft: Draft, operation: Reduce, x: Buffer) -> Written:
    """Take the mean over lines and columns; v3 has no other."""
    kept = len(x.shape) - len(operation.axes)
    last = tuple(range(kept, len(x.shape)))
    mean = operation.op is ReduceOp.MEAN and operation.initial == 0
    if not mean or operation.axes != last or len(x.shape) != 4 or kept != 2:
        what = f"{operation.op.value} over axes {operation.axes} of {x.shape}"
        refuse(f"v3 has the mean over lines and columns only, not {what}")
    if draft.program.version == 4:
        draft.differs("v4 multiplies by the inverse of the number, v3 divides: the last bit")
    batches, channels, height, width = x.shape
    if batches > 1:
        refuse("v3 has one picture at a time")
    flat = reshaped(x, (1, channels, height * width))
    result = draft.emit(GlobalAveragePool, (flat,), FLOAT, (1, channels))
    return Written((reshaped(result, operation.output.shape),), "the same sum and division")


@rule(GlobalAveragePool)
def global_average_pool(draft: Draft, operation: GlobalAveragePool, x: Buffer) -> Written:
    """Keep it."""
    return Written((draft.emit(GlobalAveragePool, (x,), FLOAT, operation.output.shape),))


@rule(Binary)
def binary(draft: Draft, operation: Binary, a: Buffer, b: Buffer) -> Written:
    """Add; scale and shift small tensors by constants."""
    if a.dtype is not FLOAT or operation.clamp != NO_CLAMP:
        refuse("v3 adds floats, and does not clamp them")
    if is_constant(a) and operation.op in (BinaryOp.ADD, BinaryOp.MUL):
        a, b = b, a
    if operation.op is BinaryOp.ADD and not is_constant(b) and a.elements == b.elements:
        return Written((reshaped(steps.add(draft, a, b), operation.output.shape),))
    if is_constant(b) and b.elements == 1:
        value = float(draft.read(b).item())
        if operation.op in (BinaryOp.ADD, BinaryOp.SUB):
            signed = value if operation.op is BinaryOp.ADD else -value
            return Written((steps.plus(draft, a, signed),), "a full connection gives the constant")
        if operation.op is BinaryOp.MUL:
            # The sum with -0 leaves every number as it is, and +0 as it is.
            why = "diagonal full connections multiply"
            return Written((steps.scaled(draft, a, value, -0.0),), why)
    return refuse(f"v3 has no {operation.op.value} of {a.shape} and {b.shape}")


@rule(MatMul)
def matmul(draft: Draft, operation: MatMul, a: Buffer, b: Buffer, bias: Buffer) -> Written:
    """Connect fully, with the bias as the first product; scale or shift a column."""
    if a.elements > 1 and b.elements == 1 and is_constant(b) and is_constant(bias):
        return _column(draft, operation, a, *(float(draft.read(x).item()) for x in (b, bias)))
    if not (is_constant(b) and is_constant(bias)) or a.elements != b.shape[-2]:
        refuse("v3 multiplies one vector by constant weights")
    if operation.clamp not in _ACTIVATIONS:
        refuse(f"v3 does not clamp to {operation.clamp}")
    one = steps.constant(draft, a, np.ones(1, np.float32))
    x = joined(draft, [reshaped(one, (1, 1)), reshaped(a, (1, a.elements))], 1)
    matrix = draft.read(b).reshape(a.elements, -1)
    rows = np.concatenate([draft.read(bias).reshape(1, -1), matrix]).T
    weights = draft.constant(np.ascontiguousarray(rows))
    zeros = draft.constant(np.full(rows.shape[0], -0.0, np.float32))
    activation = _ACTIVATIONS[operation.clamp]
    shape = 1, rows.shape[0]
    result = draft.emit(FullyConnected, (x, weights, zeros), FLOAT, shape, activation=activation)
    why = "the bias comes first, as weight of a 1, and products follow in the same order"
    return Written((reshaped(result, operation.output.shape),), why)


def _column(draft: Draft, operation: MatMul, x: Buffer, factor: float, term: float) -> Written:
    """Compute term + x * factor, as v4 scales and shifts tensors."""
    if operation.clamp != NO_CLAMP:
        refuse("v3 does not clamp sums and products")
    shift = factor == 1
    result = steps.plus(draft, x, term) if shift else steps.scaled(draft, x, factor, term)
    why = "a full connection gives the constant" if shift else "diagonal full connections multiply"
    return Written((reshaped(result, operation.output.shape),), why)


@rule(FullyConnected)
def fully_connected(
    draft: Draft, operation: FullyConnected, x: Buffer, weights: Buffer, bias: Buffer
) -> Written:
    """Keep it."""
    shape, activation = operation.output.shape, operation.activation
    inputs = reshaped(x, (1, x.elements)), weights, bias
    return Written((draft.emit(FullyConnected, inputs, FLOAT, shape, activation=activation),))


@rule(Softmax)
def softmax(draft: Draft, operation: Softmax, x: Buffer) -> Written:
    """Compute it over all elements."""
    if x.shape[operation.axis] != x.elements or operation.beta != 1:
        refuse("v3 has a softmax over all elements only")
    known = draft.values.get(x.pool.name)
    if operation.least_max < 0 and not (known is not None and known.min() >= 0):
        draft.differs("v3 looks for a positive maximum: where all inputs are negative it differs")
    flat = reshaped(x, (1, x.elements))
    fields = {"axis": 1, "least_max": SMALLEST_NORMAL}
    result = draft.emit(Softmax, (flat,), FLOAT, flat.shape, **fields)
    return Written((reshaped(result, operation.output.shape),), "the same maximum, if one is >= 0")


@rule(Sigmoid)
def sigmoid(draft: Draft, operation: Sigmoid, x: Buffer) -> Written:
    """Keep it."""
    result = draft.emit(Sigmoid, (reshaped(x, (1, x.elements)),), FLOAT, (1, x.elements))
    return Written((reshaped(result, operation.output.shape),))


@rule(L2Normalization)
def l2_normalization(draft: Draft, _operation: L2Normalization, x: Buffer) -> Written:
    """Keep it."""
    return Written((draft.emit(L2Normalization, (x,), FLOAT, x.shape),))


@rule(ReduceWindow2d)
def reduce_window2d(draft: Draft, operation: ReduceWindow2d, x: Buffer) -> Written:
    """Take means of floats, and maxima of the bytes behind floats."""
    _check_window(operation, x)
    fields = {
        "filter": operation.filter,
        "stride": operation.stride,
        "padding": (operation.padding_h.before, operation.padding_w.before),
    }
    shape = operation.output.shape
    if operation.op is ReduceOp.MEAN and operation.initial == 0:
        linear = Activation.LINEAR
        result = draft.emit(AveragePool, (x,), FLOAT, shape, activation=linear, **fields)
        return Written((result,), "the same sum, divided by the same number of pixels")
    coded = draft.coded.get(x.pool.name)
    known = coded is not None and coded.scale > 0 and coded.codes.elements == x.elements
    if operation.op is not ReduceOp.MAX or coded is None or not known:
        return refuse(f"v3 has no {operation.op.value} of floats in windows")
    if operation.initial > coded.table[0]:
        refuse(f"its maximum starts from {operation.initial}")
    codes = reshaped(coded.codes, x.shape)
    greatest = draft.emit(MaxPool, (codes,), DType.U8, shape, **fields)
    result = dequantized_from(draft, greatest, coded.scale, coded.bias)
    return Written((result,), "the greatest byte stands for the greatest float")


def _check_window(operation: ReduceWindow2d, x: Buffer) -> None:
    if operation.clamp != NO_CLAMP or operation.dilation != (1, 1) or operation.channels_last:
        refuse("v3 pools without clamp and dilation")
    if x.shape[0] > 1:
        refuse("v3 has one picture at a time")


@rule(Conv2d)
def conv2d(_draft: Draft, _operation: Conv2d, *_inputs: Buffer) -> Written:
    """Refuse what only the CPU can convolve."""
    refuse(
        "it convolves on the CPU, and v3 on the KPU only",
        "take kernels of 1x1 or 3x3, over all channels or over one each, which the KPU can",
    )


@rule(MaxPool)
def max_pool(draft: Draft, operation: MaxPool, x: Buffer) -> Written:
    """Keep it."""
    fields = {n: getattr(operation, n) for n in ("filter", "stride", "padding")}
    return Written((draft.emit(MaxPool, (x,), x.dtype, operation.output.shape, **fields),))


@rule(AveragePool)
def average_pool(draft: Draft, operation: AveragePool, x: Buffer) -> Written:
    """Keep it."""
    names = "filter", "stride", "padding", "activation"
    fields = {n: getattr(operation, n) for n in names}
    return Written((draft.emit(AveragePool, (x,), FLOAT, operation.output.shape, **fields),))
