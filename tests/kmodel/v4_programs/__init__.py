"""Random programs in v4 form: one strategy an opcode, and chains of them."""

from hypothesis import strategies as st

from harness.kmodel import operations as ops
from tests.kmodel.v4_programs.builder import Builder
from tests.kmodel.v4_programs.elementwise import (
    binary,
    lut1d,
    quantized_binary,
    unary,
    unary_program,
    zero_point,
)
from tests.kmodel.v4_programs.kpu import kpu_conv2d, kpu_upload
from tests.kmodel.v4_programs.placement import (
    concat,
    memory_copy,
    pad,
    resize,
    strided_slice,
    transpose,
)
from tests.kmodel.v4_programs.sums import matmul, reduce, softmax
from tests.kmodel.v4_programs.windows import (
    conv2d,
    conv2d_nhwc,
    conv2d_transpose,
    quantized_conv2d,
    reduce_window2d,
)

STRATEGIES = {
    0x00: binary,
    0x01: concat,
    0x02: conv2d,
    0x03: zero_point,
    0x04: matmul,
    0x05: pad,
    0x06: lambda builder: zero_point(builder, ops.QuantizeZeroPoint),
    0x07: reduce,
    0x08: reduce_window2d,
    0x09: memory_copy,
    0x0A: resize,
    0x0B: softmax,
    0x0C: transpose,
    0x0D: strided_slice,
    0x0E: unary,
    0x0F: quantized_conv2d,
    0x10: lambda builder: matmul(builder, quantized=True),
    0x11: quantized_binary,
    0x12: lut1d,
    0x13: conv2d_transpose,
    0x14: unary_program,
    0x1001: conv2d_nhwc,
    0x1002: lambda builder: conv2d_nhwc(builder, depthwise=True),
    0x1003: lambda builder: reduce_window2d(builder, channels_last=True),
    0x1004: lambda builder: conv2d_nhwc(builder, quantized=True),
    0x1005: lambda builder: conv2d_nhwc(builder, quantized=True, depthwise=True),
    0x2001: kpu_upload,
    0x2002: kpu_conv2d,
}


@st.composite
def programs(draw, opcodes=tuple(STRATEGIES)):
    """Programs of one to five operations, each on inputs and constants of its own."""
    builder = Builder(draw)
    for opcode in draw(st.lists(st.sampled_from(opcodes), min_size=1, max_size=5)):
        STRATEGIES[opcode](builder)
    return builder.program()
