"""Strategies of convolutions and poolings, by filters of any stride, padding and dilation."""

from hypothesis import strategies as st

from harness.kmodel import DType
from harness.kmodel import operations as ops
from harness.kmodel.operations import Padding
from tests.kmodel.v4_programs.builder import FLOATS, NUMBERS, SHAPES, SIZES, clamp, result


def window(draw, size):
    """Return a padding, a filter, a stride and a dilation that fit a size, and the result's."""
    padding = Padding(draw(st.integers(0, 2)), draw(st.integers(0, 2)))
    full = size + padding.before + padding.after
    kernel = draw(st.integers(1, min(full, 3)))
    dilation = draw(st.integers(1, max(1, (full - 1) // max(1, kernel - 1)))) if kernel > 1 else 1
    stride = draw(st.integers(1, 3))
    return padding, kernel, stride, dilation, (full - (kernel - 1) * dilation - 1) // stride + 1


def windows(builder, height, width):
    """Return fields of a window, its filter, and the size of the result."""
    h, w = window(builder.draw, height), window(builder.draw, width)
    fields = {
        "padding_h": h[0],
        "padding_w": w[0],
        "stride": (h[2], w[2]),
        "dilation": (h[3], w[3]),
    }
    return fields, (h[1], w[1]), (h[4], w[4])


def conv2d(builder):
    draw, (n, c, h, w) = builder.draw, builder.draw(SHAPES)
    groups, out = draw(st.integers(1, 3)), draw(SIZES)
    fields, kernel, size = windows(builder, h, w)
    inputs = (
        builder.input((n, c * groups, h, w)),
        builder.constant((out * groups, c, *kernel)),
        builder.constant((out * groups,)),
    )
    outputs = (builder.tensor((n, out * groups, *size)),)
    builder.add(ops.Conv2d, inputs, outputs, groups=groups, clamp=clamp(draw), **fields)


def conv2d_nhwc(builder, quantized=False, depthwise=False):
    draw, (n, c, h, w) = builder.draw, builder.draw(SHAPES)
    fields, kernel, size = windows(builder, h, w)
    out = c if depthwise else draw(SIZES)
    weights = (out, *kernel) if depthwise else (out, *kernel, c)
    dtype, wide = (DType.U8, DType.I32) if quantized else (DType.F32, DType.F32)
    inputs = (
        builder.input((n, h, w, c), dtype),
        builder.constant(weights, dtype),
        builder.constant((out,), wide),
    )
    outputs = (builder.tensor((n, *size, out), dtype),)
    fields |= {"groups": c if depthwise else 1, "channels_last": True}
    if quantized:
        fields |= quantized_fields(draw)
        builder.add(ops.QuantizedConv2d, inputs, outputs, **fields)
    else:
        builder.add(ops.Conv2d, inputs, outputs, clamp=clamp(draw), **fields)


def quantized_fields(draw):
    offsets = {"input_offset": draw(NUMBERS), "filter_offset": draw(NUMBERS)}
    return offsets | {"result": result(draw)}


def quantized_conv2d(builder):
    draw, (n, c, h, w) = builder.draw, builder.draw(SHAPES)
    out = draw(SIZES)
    fields, kernel, size = windows(builder, h, w)
    inputs = (
        builder.input((n, c, h, w), DType.U8),
        builder.constant((out, c, *kernel), DType.U8),
        builder.constant((out,), DType.I32),
    )
    outputs = (builder.tensor((n, out, *size), DType.U8),)
    fields |= quantized_fields(draw)
    builder.add(ops.QuantizedConv2d, inputs, outputs, groups=1, **fields)


def conv2d_transpose(builder):
    draw, (n, c, h, w) = builder.draw, builder.draw(SHAPES)
    out = draw(SIZES)
    fields, kernel, size = windows(builder, h, w)
    inputs = (
        builder.input((n, c, *size)),
        builder.constant((out, c, *kernel)),
        builder.constant((out,)),
    )
    outputs = (builder.tensor((n, out, h, w)),)
    builder.add(ops.Conv2dTranspose, inputs, outputs, groups=1, clamp=clamp(draw), **fields)


def reduce_window2d(builder, channels_last=False):
    draw, (n, c, h, w) = builder.draw, builder.draw(SHAPES)
    fields, kernel, size = windows(builder, h, w)
    shape, out = ((n, h, w, c), (n, *size, c)) if channels_last else ((n, c, h, w), (n, c, *size))
    builder.add(
        ops.ReduceWindow2d,
        (builder.input(shape),),
        (builder.tensor(out),),
        op=draw(st.sampled_from(ops.ReduceOp)),
        filter=kernel,
        initial=draw(FLOATS),
        clamp=clamp(draw),
        channels_last=channels_last,
        **fields,
    )
