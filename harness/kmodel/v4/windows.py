"""v4 convolutions, matrix products and pooling on the CPU, in NCHW and NHWC.

Source: nncase v0.2.0-beta4 `neutral_ops_body.h`, `cpu_ops_body.h`.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.kmodel.memory import Buffer, DType
from harness.kmodel.operations import (
    Conv2d,
    Conv2dTranspose,
    MatMul,
    Operation,
    Padding,
    QuantizedConv2d,
    QuantizedMatMul,
    ReduceOp,
    ReduceWindow2d,
    Requantization,
)
from harness.kmodel.v4.body import Body, Range, choice


@dataclass(frozen=True)
class Window:
    """How a window moves over an image."""

    padding_h: Padding
    padding_w: Padding
    filter: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]

    @classmethod
    def read(cls, body: Body) -> Window:
        """Read the eleven numbers of a window."""
        return cls(
            padding_h=body.padding("padding of the height"),
            padding_w=body.padding("padding of the width"),
            filter=body.pair("filter"),
            stride=body.pair("stride"),
            dilation=body.pair("dilation"),
        )

    def output(self, body: Body, height: int, width: int) -> tuple[int, int]:
        """Return the size of the result for an input of a size."""
        paddings = self.padding_h, self.padding_w
        out_h, out_w = (
            (size + pad.before + pad.after - (kernel - 1) * dilation - 1 + stride) // stride
            for size, pad, kernel, dilation, stride in zip(
                (height, width), paddings, self.filter, self.dilation, self.stride, strict=True
            )
        )
        body.positive((out_h, out_w), "size of the result")
        return out_h, out_w


def _ends(body: Body) -> tuple[Range, Range]:
    return body.range(), body.range()


def _requantization(body: Body) -> Requantization:
    return Requantization(*body.numbers(3, "multiplier, shift and offset of the result"))


@dataclass(frozen=True)
class _Convolution:
    """The start of every convolution's body, and what follows from it."""

    source: Buffer
    out: Buffer
    groups: int
    weights: tuple[int, ...]
    channels: int
    window: Window


def _nchw(body: Body) -> _Convolution:
    source, out = _ends(body)
    shape = batches, into, height, width = body.shape()
    (groups,) = body.reader.shape(1, "groups")
    (channels,) = body.reader.shape(1, "output channels")
    window = Window.read(body)
    if into % groups or channels % groups:
        body.reader.fail("groups", groups, f"a divisor of {into} and {channels}", body.at)
    return _Convolution(
        source=body.tensor(source, shape),
        out=body.tensor(out, (batches, channels, *window.output(body, height, width))),
        groups=groups,
        weights=(channels, into // groups, *window.filter),
        channels=channels,
        window=window,
    )


def _nhwc(body: Body, depthwise: bool) -> _Convolution:
    source, out = _ends(body)
    shape = batches, height, width, into = body.shape()
    (channels,) = (into,) if depthwise else body.reader.shape(1, "output channels")
    window = Window.read(body)
    return _Convolution(
        source=body.tensor(source, shape),
        out=body.tensor(out, (batches, *window.output(body, height, width), channels)),
        groups=into if depthwise else 1,
        weights=(channels, *window.filter) if depthwise else (channels, *window.filter, into),
        channels=channels,
        window=window,
    )


def _float(body: Body, start: _Convolution, channels_last: bool) -> Operation:
    clamp = body.clamp()
    weights = body.inline(DType.F32, start.weights, "weights")
    bias = body.inline(DType.F32, (start.channels,), "bias")
    return Conv2d(
        name="",
        offset=body.at,
        inputs=(start.source, weights, bias),
        outputs=(start.out,),
        groups=start.groups,
        padding_h=start.window.padding_h,
        padding_w=start.window.padding_w,
        stride=start.window.stride,
        dilation=start.window.dilation,
        clamp=clamp,
        channels_last=channels_last,
    )


def _quantized(body: Body, start: _Convolution, channels_last: bool) -> Operation:
    input_offset, filter_offset = body.numbers(2, "input and filter offset")
    result = _requantization(body)
    if channels_last:
        weights = body.inline(DType.U8, start.weights, "weights")
        bias = body.inline(DType.I32, (start.channels,), "bias")
    else:
        bias = body.inline(DType.I32, (start.channels,), "bias")
        weights = body.inline(DType.U8, start.weights, "weights")
    return QuantizedConv2d(
        name="",
        offset=body.at,
        inputs=(start.source, weights, bias),
        outputs=(start.out,),
        groups=start.groups,
        padding_h=start.window.padding_h,
        padding_w=start.window.padding_w,
        stride=start.window.stride,
        dilation=start.window.dilation,
        input_offset=input_offset,
        filter_offset=filter_offset,
        result=result,
        channels_last=channels_last,
    )


def conv2d(body: Body) -> Operation:
    """Read a float convolution in NCHW."""
    return _float(body, _nchw(body), channels_last=False)


def quantized_conv2d(body: Body) -> Operation:
    """Read a uint8 convolution in NCHW."""
    return _quantized(body, _nchw(body), channels_last=False)


def cpu_conv2d(body: Body) -> Operation:
    """Read a float convolution in NHWC."""
    return _float(body, _nhwc(body, depthwise=False), channels_last=True)


def cpu_depthwise_conv2d(body: Body) -> Operation:
    """Read a float depthwise convolution in NHWC."""
    return _float(body, _nhwc(body, depthwise=True), channels_last=True)


def cpu_quantized_conv2d(body: Body) -> Operation:
    """Read a uint8 convolution in NHWC."""
    return _quantized(body, _nhwc(body, depthwise=False), channels_last=True)


def cpu_quantized_depthwise_conv2d(body: Body) -> Operation:
    """Read a uint8 depthwise convolution in NHWC."""
    return _quantized(body, _nhwc(body, depthwise=True), channels_last=True)


def conv2d_transpose(body: Body) -> Operation:
    """Read a transposed float convolution in NCHW."""
    source, out = _ends(body)
    shape, result = body.shape(), body.shape("output shape")
    (groups,) = body.reader.shape(1, "groups")
    window = Window.read(body)
    clamp = body.clamp()
    if shape[1] % groups or result[1] % groups:
        body.reader.fail("groups", groups, f"a divisor of {shape[1]} and {result[1]}", body.at)
    weights = (result[1], shape[1] // groups, *window.filter)
    return Conv2dTranspose(
        name="",
        offset=body.at,
        inputs=(
            body.tensor(source, shape),
            body.inline(DType.F32, weights, "weights"),
            body.inline(DType.F32, (result[1],), "bias"),
        ),
        outputs=(body.tensor(out, result),),
        groups=groups,
        padding_h=window.padding_h,
        padding_w=window.padding_w,
        stride=window.stride,
        dilation=window.dilation,
        clamp=clamp,
    )


def _reduce_window2d(body: Body, channels_last: bool) -> Operation:
    source, out = _ends(body)
    op = choice(body.reader, tuple(ReduceOp), "reduction")
    shape = body.shape()
    window = Window.read(body)
    initial = body.reader.f32("initial value")
    batches, *sizes = shape
    if channels_last:
        result = (batches, *window.output(body, sizes[0], sizes[1]), sizes[2])
    else:
        result = (batches, sizes[0], *window.output(body, sizes[1], sizes[2]))
    return ReduceWindow2d(
        name="",
        offset=body.at,
        inputs=(body.tensor(source, shape),),
        outputs=(body.tensor(out, result),),
        op=op,
        filter=window.filter,
        padding_h=window.padding_h,
        padding_w=window.padding_w,
        stride=window.stride,
        dilation=window.dilation,
        initial=initial,
        clamp=body.clamp(),
        channels_last=channels_last,
    )


def reduce_window2d(body: Body) -> Operation:
    """Read a pooling in NCHW."""
    return _reduce_window2d(body, channels_last=False)


def cpu_reduce_window2d(body: Body) -> Operation:
    """Read a pooling in NHWC."""
    return _reduce_window2d(body, channels_last=True)


def _matrices(body: Body) -> tuple[tuple[Buffer, Buffer], Buffer, int]:
    a, b, out = body.range(), body.range(), body.range()
    rows, inner, columns = body.reader.shape(3, "rows and columns")
    inputs = body.tensor(a, (rows, inner)), body.tensor(b, (inner, columns))
    return inputs, body.tensor(out, (rows, columns)), columns


def matmul(body: Body) -> Operation:
    """Read a float matrix product."""
    inputs, out, columns = _matrices(body)
    clamp = body.clamp()
    bias = body.inline(DType.F32, (columns,), "bias")
    return MatMul(name="", offset=body.at, inputs=(*inputs, bias), outputs=(out,), clamp=clamp)


def quantized_matmul(body: Body) -> Operation:
    """Read a uint8 matrix product."""
    inputs, out, columns = _matrices(body)
    a_offset, b_offset = body.numbers(2, "offset")
    result = _requantization(body)
    bias = body.inline(DType.I32, (columns,), "bias")
    return QuantizedMatMul(
        name="",
        offset=body.at,
        inputs=(*inputs, bias),
        outputs=(out,),
        a_offset=a_offset,
        b_offset=b_offset,
        result=result,
    )
