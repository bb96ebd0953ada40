"""Between bytes and floats, and arithmetic on bytes, each with the rounding of its runtime."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.kmodel.memory import DType
from harness.kmodel.operations import (
    BinaryOp,
    ChannelwiseDequantize,
    Dequantize,
    DequantizeZeroPoint,
    Operation,
    Quantize,
    QuantizedAdd,
    QuantizedBinary,
    QuantizedOperand,
    QuantizeInverse,
    QuantizeZeroPoint,
    Requantization,
)
from harness.simulator.errors import unsupported
from harness.simulator.kpu.chain import shift_right
from harness.simulator.operations.elementwise import BINARY, aligned

_INT32 = 1 << 31


def single(value: float, x: Tensor) -> Tensor:
    """Return a constant as float32, where `x` is."""
    return torch.tensor(value, dtype=torch.float32, device=x.device)


def half_away(x: Tensor) -> Tensor:
    """Round to the nearest integer, ties away from zero, as C's `roundf` does."""
    whole = torch.trunc(x)
    return whole + torch.where((x - whole).abs() >= 0.5, torch.sign(x), torch.zeros_like(x))


def to_byte(x: Tensor) -> Tensor:
    """Clamp rounded floats to a byte; what does not fit an int32 becomes 0, as on x86."""
    fits = (x >= -_INT32) & (x < _INT32)
    return torch.where(fits, x, 0).clamp(0, 255).to(torch.uint8)


def dequantize(operation: Dequantize, x: Tensor) -> Tensor:
    """Compute q * scale + bias in float32."""
    return x.float() * single(operation.scale, x) + single(operation.bias, x)


def dequantize_zero_point(operation: DequantizeZeroPoint, x: Tensor) -> Tensor:
    """Compute (q - zero point) * scale in float32."""
    return (x.float() - operation.zero_point) * (1 / single(operation.scale, x))


def channelwise_dequantize(operation: ChannelwiseDequantize, x: Tensor) -> Tensor:
    """Compute q * scale + bias with a scale and a bias for each channel."""
    shape = -1, *(1,) * (x.dim() - 3)
    scale = torch.tensor(operation.scale, device=x.device).reshape(shape)
    bias = torch.tensor(operation.bias, device=x.device).reshape(shape)
    return x.float() * scale + bias


def quantize(operation: Quantize, x: Tensor) -> Tensor:
    """Round x * scale + bias to even."""
    if operation.output.dtype is not DType.U8:
        raise unsupported(operation, f"output {operation.output.dtype.value}")
    return to_byte(torch.round(x * single(operation.scale, x) + single(operation.bias, x)))


def quantize_zero_point(operation: QuantizeZeroPoint, x: Tensor) -> Tensor:
    """Round x * scale + zero point away from zero."""
    return to_byte(half_away(x * single(operation.scale, x) + operation.zero_point))


def quantize_inverse(operation: QuantizeInverse, x: Tensor) -> Tensor:
    """Round (x - bias) / scale away from zero."""
    inverse = 1 / single(operation.scale, x)
    return to_byte(half_away((x - single(operation.bias, x)) * inverse))


def carry_shift(operation: Operation, value: Tensor, shift: int) -> Tensor:
    """Return value / 2**shift, with half added before the shift (nncase 0.2's CPU operations)."""
    if not 0 <= shift < 63:
        raise unsupported(operation, f"shift {shift}")
    return (value + ((1 << shift) >> 1)) >> shift


def requantize(operation: Operation, value: Tensor, result: Requantization) -> Tensor:
    """Return bytes for int64 sums."""
    shifted = carry_shift(operation, value * result.multiplier, result.shift)
    return (shifted + result.offset).clamp(0, 255).to(torch.uint8)


def quantized_binary(operation: QuantizedBinary, *inputs: Tensor) -> Tensor:
    """Compute a function of two byte tensors (v4)."""
    a, b = (
        carry_shift(operation, _scaled(x, operand), operand.shift)
        for x, operand in zip(aligned(operation, *inputs), (operation.a, operation.b), strict=True)
    )
    value = _divide(a, b) if operation.op is BinaryOp.DIV else BINARY[operation.op](a, b)
    return requantize(operation, value, operation.result)


def _divide(a: Tensor, b: Tensor) -> Tensor:
    """Return (a + b / 2) / b with C's integer divisions."""
    return torch.div(a + torch.div(b, 2, rounding_mode="trunc"), b, rounding_mode="trunc")


def _scaled(x: Tensor, operand: QuantizedOperand) -> Tensor:
    return (x.to(torch.int64) + operand.offset) * operand.multiplier


def quantized_add(operation: QuantizedAdd, *inputs: Tensor) -> Tensor:
    """Add two byte tensors as `kpu.c` does (v3)."""
    operands, result = (operation.a, operation.b), operation.result
    shifts = [operand.shift for operand in operands] + [result.shift]
    if not all(0 <= shift < 63 for shift in shifts):
        raise unsupported(operation, f"shifts {shifts}")
    a, b = (_scaled(x, q) >> q.shift for x, q in zip(inputs, operands, strict=True))
    shift = torch.tensor(result.shift, device=a.device)
    rounded = shift_right((a + b) * result.multiplier, shift, "nncase-0.1")
    return (rounded + result.offset).clamp(0, 255).to(torch.uint8)
