"""v4 opcodes by number. Source: nncase v0.2.0-beta4 `runtime_op.def`.

Releases from 0.2.0-alpha1 to beta4 only added numbers: 0x0F, 0x10, 0x11 and 0x13 with beta1,
0x12 and 0x14 with beta3.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.kmodel.operations.base import Operation
from harness.kmodel.v4 import elementwise, kpu, placement, windows
from harness.kmodel.v4.body import Body

NODES: dict[int, Callable[[Body], Operation]] = {
    0x00: elementwise.binary,
    0x01: placement.concat,
    0x02: windows.conv2d,
    0x03: elementwise.dequantize,
    0x04: windows.matmul,
    0x05: placement.pad,
    0x06: elementwise.quantize,
    0x07: elementwise.reduce,
    0x08: windows.reduce_window2d,
    0x09: placement.memory_copy,
    0x0A: placement.resize_image,
    0x0B: elementwise.softmax,
    0x0C: placement.transpose,
    0x0D: placement.strided_slice,
    0x0E: elementwise.unary,
    0x0F: windows.quantized_conv2d,
    0x10: windows.quantized_matmul,
    0x11: elementwise.quantized_binary,
    0x12: elementwise.table_lookup1d,
    0x13: windows.conv2d_transpose,
    0x14: elementwise.unary_program,
    0x1001: windows.cpu_conv2d,
    0x1002: windows.cpu_depthwise_conv2d,
    0x1003: windows.cpu_reduce_window2d,
    0x1004: windows.cpu_quantized_conv2d,
    0x1005: windows.cpu_quantized_depthwise_conv2d,
    0x2001: kpu.upload,
    0x2002: kpu.conv2d,
}
