"""The little stack language in which nncase 0.2 wrote functions of one element.

Source: nncase v0.2.0-beta4 `nnil.h`.
"""

from __future__ import annotations

import struct

import torch
from torch import Tensor

from harness.kmodel.operations import BinaryOp, UnaryOp, UnaryProgram
from harness.simulator.errors import unsupported
from harness.simulator.operations.elementwise import BINARY, UNARY

_NOP, _DUP, _POP, _LOAD, _ZERO, _ONE, _CONSTANT = range(7)
_CLAMP, _RETURN = 0x80, 0xA0
_UNARY = {
    0x20 + index: op
    for index, op in enumerate(
        (
            UnaryOp.ABS,
            UnaryOp.CEIL,
            UnaryOp.COS,
            UnaryOp.EXP,
            UnaryOp.FLOOR,
            UnaryOp.LOG,
            UnaryOp.NEG,
            UnaryOp.RSQRT,
            UnaryOp.SIN,
            UnaryOp.SQUARE,
        )
    )
}
_BINARY = {
    0x40 + index: op
    for index, op in enumerate(
        (BinaryOp.ADD, BinaryOp.SUB, BinaryOp.MUL, BinaryOp.DIV, BinaryOp.MIN, BinaryOp.MAX)
    )
}


def unary_program(operation: UnaryProgram, x: Tensor) -> Tensor:
    """Run the code on all elements at once."""
    code, stack, at = operation.code.tobytes(), list[Tensor](), 0
    while at < len(code) and code[at] != _RETURN:
        opcode = code[at]
        at += 1
        if opcode == _CONSTANT:
            (value,) = struct.unpack_from("<f", code, at)
            stack.append(torch.full_like(x, value))
            at += 4
        else:
            try:
                _step(operation, opcode, stack, x)
            except IndexError:
                raise unsupported(operation, "an empty stack in its byte code") from None
    if not stack:
        raise unsupported(operation, "byte code without a result")
    return stack[-1]


def _step(operation: UnaryProgram, opcode: int, stack: list[Tensor], x: Tensor) -> None:
    if opcode in _UNARY:
        stack.append(UNARY[_UNARY[opcode]](stack.pop()))
    elif opcode in _BINARY:
        second, first = stack.pop(), stack.pop()
        stack.append(BINARY[_BINARY[opcode]](first, second))
    elif opcode == _CLAMP:
        high, low, value = stack.pop(), stack.pop(), stack.pop()
        stack.append(torch.minimum(torch.maximum(value, low), high))
    elif opcode in (_LOAD, _ZERO, _ONE):
        value = {_LOAD: x, _ZERO: torch.zeros_like(x), _ONE: torch.ones_like(x)}[opcode]
        stack.append(value)
    elif opcode == _DUP:
        stack.append(stack[-1])
    elif opcode == _POP:
        stack.pop()
    elif opcode != _NOP:
        raise unsupported(operation, f"byte code {opcode:#04x}")
