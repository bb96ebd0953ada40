"""Single layers of v3, each appended to a draft, and what can be made of full connections.

v3 has no constants and no multiplication. A full connection whose weights are 0 gives its bias,
which is a constant; one whose weights are 0 but for the diagonal multiplies each element, and adds
its bias behind that. Products with 0 and sums with 0 are exact, fused or not.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.convert.draft import BYTE, FLOAT, Draft, refuse, reshaped
from harness.convert.moves import cropped, joined
from harness.kmodel.memory import Buffer
from harness.kmodel.operations import (
    Activation,
    Binary,
    BinaryOp,
    Dequantize,
    FullyConnected,
    QuantizeInverse,
)

Floats = npt.NDArray[np.float32]

# Diagonal full connections that scale a tensor together, and the largest such tensor. Few, since
# the runtime calls itself for each layer behind a convolution, in its interrupt (`kpu.c`,
# `ai_step`); many, since the weights take 4 bytes times elements squared over this number.
BLOCKS = 16
MOST_SCALED = 2048
# nncase 0.1 stores a constant as often as it is added: this bounds the file.
MOST_CONSTANTS = 4096


def dequantize(draft: Draft, x: Buffer, scale: float, bias: float) -> Buffer:
    """Append a dequantisation."""
    return draft.emit(Dequantize, (x,), FLOAT, x.shape, scale=scale, bias=bias)


def quantize(draft: Draft, x: Buffer, scale: float, bias: float) -> Buffer:
    """Append a quantisation."""
    return draft.emit(QuantizeInverse, (x,), BYTE, x.shape, scale=scale, bias=bias)


def add(draft: Draft, a: Buffer, b: Buffer) -> Buffer:
    """Append a sum of two tensors of one shape."""
    other = reshaped(b, a.shape)
    return draft.emit(Binary, (a, other), FLOAT, a.shape, op=BinaryOp.ADD)


def connected(draft: Draft, x: Buffer, weights: Floats, bias: Floats) -> Buffer:
    """Append a full connection of [in] elements with weights [out, in] and bias [out]."""
    inputs = reshaped(x, (1, x.elements)), draft.constant(weights), draft.constant(bias)
    return draft.emit(FullyConnected, inputs, FLOAT, (1, len(bias)), activation=Activation.LINEAR)


def constant(draft: Draft, x: Buffer, values: Floats) -> Buffer:
    """Return constants [n]: what a full connection gives that does not look at `x`.

    Raises:
        Refused: They are too many.
    """
    if values.size > MOST_CONSTANTS:
        refuse(f"v3 has no constants, and {values.size} are too many to be made")
    one = x
    if x.pool.name not in draft.inputs and x.elements > 1:
        one = cropped(draft, reshaped(x, (x.elements,)), (0,), (1,), (1,))
    weights = np.zeros((values.size, one.elements), np.float32)
    return connected(draft, one, weights, values.ravel())


def plus(draft: Draft, x: Buffer, value: float) -> Buffer:
    """Return the sum with one constant."""
    values = constant(draft, x, np.full(x.elements, value, np.float32))
    return add(draft, x, values)


def scalable(x: Buffer) -> bool:
    """Return whether a tensor is small enough to be scaled."""
    return x.elements <= MOST_SCALED


def scaled(draft: Draft, x: Buffer, scale: float, bias: float) -> Buffer:
    """Return `x * scale + bias`, the product and the sum rounded one after the other.

    Raises:
        Refused: The tensor is too large.
    """
    if not scalable(x):
        refuse(f"v3 has no multiplication, and {x.elements} elements are too many for others")
    flat, parts = reshaped(x, (x.elements,)), []
    block = _block(x.elements)
    for first in range(0, x.elements, block):
        size = min(block, x.elements - first)
        part = cropped(draft, flat, (first,), (first + size,), (1,))
        weights = np.eye(size, dtype=np.float32) * np.float32(scale)
        parts.append(connected(draft, part, weights, np.full(size, bias, np.float32)))
    whole = joined(draft, parts, 1)
    return reshaped(whole, x.shape)


def _block(elements: int) -> int:
    """Return the elements of one full connection: a multiple of 8, which the runtime unrolls."""
    return -(-elements // (8 * BLOCKS)) * 8
