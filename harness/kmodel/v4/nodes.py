"""v4 opcodes by number. Source: nncase v0.2.0-beta4 `runtime_op.def`.

Releases from 0.2.0-alpha1 to beta4 only added numbers: 0x0F, 0x10, 0x11 and 0x13 with beta1,
0x12 and 0x14 with beta3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.errors import ConversionError
from harness.kmodel import operations as kinds
from harness.kmodel.operations.base import Operation
from harness.kmodel.v4 import elementwise, kpu, placement, windows
from harness.kmodel.v4.body import Body
from harness.kmodel.v4.writer import elementwise as write_elementwise
from harness.kmodel.v4.writer import kpu as write_kpu
from harness.kmodel.v4.writer import placement as write_placement
from harness.kmodel.v4.writer import windows as write_windows


def _always(_operation: Operation) -> bool:
    return True


def _nchw(operation: Any) -> bool:  # noqa: ANN401
    return not operation.channels_last


def _nhwc(operation: Any) -> bool:  # noqa: ANN401
    return bool(operation.channels_last)


def _full(operation: Any) -> bool:  # noqa: ANN401
    return _nhwc(operation) and not write_windows.is_depthwise(operation)


@dataclass(frozen=True)
class Node:
    """What an opcode stands for.

    Attributes:
        kind: Class of the operation.
        read: Reads its body.
        write: Writes its body.
        ranges: How many inputs have a memory range; the others stand in the body. None for all.
        fits: Which operations of the class have this opcode.
    """

    kind: type[Operation]
    read: Callable[[Body], Operation]
    write: Callable[..., None]
    ranges: int | None = None
    fits: Callable[[Any], bool] = _always


NODES: dict[int, Node] = {
    0x00: Node(kinds.Binary, elementwise.binary, write_elementwise.binary),
    0x01: Node(kinds.Concat, placement.concat, write_placement.concat),
    0x02: Node(kinds.Conv2d, windows.conv2d, write_windows.conv2d, 1, _nchw),
    0x03: Node(kinds.DequantizeZeroPoint, elementwise.dequantize, write_elementwise.zero_point),
    0x04: Node(kinds.MatMul, windows.matmul, write_windows.matmul, 2),
    0x05: Node(kinds.Pad, placement.pad, write_placement.pad),
    0x06: Node(kinds.QuantizeZeroPoint, elementwise.quantize, write_elementwise.zero_point),
    0x07: Node(kinds.Reduce, elementwise.reduce, write_elementwise.reduce),
    0x08: Node(
        kinds.ReduceWindow2d,
        windows.reduce_window2d,
        write_windows.reduce_window2d,
        fits=_nchw,
    ),
    0x09: Node(kinds.Copy, placement.memory_copy, write_placement.memory_copy),
    0x0A: Node(kinds.Resize, placement.resize_image, write_placement.resize_image),
    0x0B: Node(kinds.Softmax, elementwise.softmax, write_elementwise.softmax),
    0x0C: Node(kinds.Transpose, placement.transpose, write_placement.transpose),
    0x0D: Node(kinds.Slice, placement.strided_slice, write_placement.strided_slice),
    0x0E: Node(kinds.Unary, elementwise.unary, write_elementwise.unary),
    0x0F: Node(
        kinds.QuantizedConv2d,
        windows.quantized_conv2d,
        write_windows.quantized_conv2d,
        1,
        _nchw,
    ),
    0x10: Node(kinds.QuantizedMatMul, windows.quantized_matmul, write_windows.quantized_matmul, 2),
    0x11: Node(
        kinds.QuantizedBinary, elementwise.quantized_binary, write_elementwise.quantized_binary
    ),
    0x12: Node(kinds.Lut1d, elementwise.table_lookup1d, write_elementwise.table_lookup1d),
    0x13: Node(kinds.Conv2dTranspose, windows.conv2d_transpose, write_windows.conv2d_transpose, 1),
    0x14: Node(kinds.UnaryProgram, elementwise.unary_program, write_elementwise.unary_program),
    0x1001: Node(kinds.Conv2d, windows.cpu_conv2d, write_windows.conv2d, 1, _full),
    0x1002: Node(
        kinds.Conv2d,
        windows.cpu_depthwise_conv2d,
        write_windows.conv2d,
        1,
        write_windows.is_depthwise,
    ),
    0x1003: Node(
        kinds.ReduceWindow2d,
        windows.cpu_reduce_window2d,
        write_windows.reduce_window2d,
        fits=_nhwc,
    ),
    0x1004: Node(
        kinds.QuantizedConv2d,
        windows.cpu_quantized_conv2d,
        write_windows.quantized_conv2d,
        1,
        _full,
    ),
    0x1005: Node(
        kinds.QuantizedConv2d,
        windows.cpu_quantized_depthwise_conv2d,
        write_windows.quantized_conv2d,
        1,
        write_windows.is_depthwise,
    ),
    0x2001: Node(kinds.KpuUpload, kpu.upload, write_kpu.upload),
    0x2002: Node(kinds.KpuConv2d, kpu.conv2d, write_kpu.conv2d),
}


def opcode(operation: Operation) -> int:
    """Return the number of an operation.

    Raises:
        ConversionError: nncase 0.2 has none for it.
    """
    for number, node in NODES.items():
        if type(operation) is node.kind and node.fits(operation):
            return number
    raise ConversionError(f"nncase 0.2 has no {operation.kind()} like this")
