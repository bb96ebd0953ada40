"""v3 layers on the CPU, in float and in quantised form."""

from __future__ import annotations

from harness.kmodel.build import constant
from harness.kmodel.memory import Buffer, DType
from harness.kmodel.operations import (
    AveragePool,
    Binary,
    BinaryOp,
    ChannelwiseDequantize,
    Concat,
    Dequantize,
    Flatten,
    FullyConnected,
    GlobalAveragePool,
    L2Normalization,
    Lut1d,
    MaxPool,
    Operation,
    QuantizedAdd,
    QuantizedOperand,
    QuantizeInverse,
    Requantization,
    Resize,
    ResizeMode,
    Sigmoid,
    Softmax,
)
from harness.kmodel.v3.body import Body

SMALLEST_NORMAL = 1.1754943508222875e-38


def _sum_ends(body: Body, dtype: DType) -> tuple[tuple[Buffer, Buffer], Buffer]:
    reader = body.reader
    reader.u32("flags")
    a, b, out = (reader.u32(f"address of {name}") for name in ("a", "b", "the output"))
    count = body.size("number of elements")
    inputs = body.known(a, dtype, count), body.known(b, dtype, count)
    if inputs[0].shape != inputs[1].shape:
        inputs = body.tensor(a, dtype, (count,)), body.tensor(b, dtype, (count,))
    return inputs, body.tensor(out, dtype, inputs[0].shape)


def add(body: Body) -> Operation:
    """Read a sum of floats."""
    inputs, out = _sum_ends(body, DType.F32)
    return Binary(name="", offset=body.at, inputs=inputs, outputs=(out,), op=BinaryOp.ADD)


def quantized_add(body: Body) -> Operation:
    """Read a sum of bytes."""
    inputs, out = _sum_ends(body, DType.U8)
    a, b, (offset, multiplier, shift) = (
        [body.reader.i32(f"{part} of {name}") for part in ("offset", "multiplier", "shift")]
        for name in ("a", "b", "the output")
    )
    return QuantizedAdd(
        name="",
        offset=body.at,
        inputs=inputs,
        outputs=(out,),
        a=QuantizedOperand(*a),
        b=QuantizedOperand(*b),
        result=Requantization(multiplier, shift, offset),
    )


def global_average_pool(body: Body) -> Operation:
    """Read a mean of each channel."""
    source, out = body.ends()
    kernel, channels = body.size("kernel size"), body.size("channels")
    return GlobalAveragePool(
        name="",
        offset=body.at,
        inputs=(body.tensor(source, DType.F32, (1, channels, kernel)),),
        outputs=(body.tensor(out, DType.F32, (1, channels)),),
    )


def max_pool(body: Body) -> Operation:
    """Read a pooling of bytes."""
    source, out = body.ends()
    into, result = body.image("input shape"), body.image("output shape")
    return MaxPool(
        name="",
        offset=body.at,
        inputs=(body.tensor(source, DType.U8, into),),
        outputs=(body.tensor(out, DType.U8, result),),
        filter=body.pair("kernel"),
        stride=body.pair("stride"),
        padding=body.pair("padding"),
    )


def average_pool(body: Body) -> Operation:
    """Read a pooling of floats."""
    source, out = body.ends()
    into, result = body.image("input shape"), body.image("output shape")
    return AveragePool(
        name="",
        offset=body.at,
        inputs=(body.tensor(source, DType.F32, into),),
        outputs=(body.tensor(out, DType.F32, result),),
        filter=body.pair("kernel"),
        stride=body.pair("stride"),
        padding=body.pair("padding"),
        activation=body.activation(),
    )


def quantize(body: Body) -> Operation:
    """Read a quantisation."""
    into, out = body.elementwise(DType.F32, DType.U8)
    return QuantizeInverse(
        name="",
        offset=body.at,
        inputs=(into,),
        outputs=(out,),
        scale=body.reader.f32("scale"),
        bias=body.reader.f32("bias"),
    )


def dequantize(body: Body) -> Operation:
    """Read a dequantisation."""
    into, out = body.elementwise(DType.U8, DType.F32)
    return Dequantize(
        name="",
        offset=body.at,
        inputs=(into,),
        outputs=(out,),
        scale=body.reader.f32("scale"),
        bias=body.reader.f32("bias"),
    )


def channelwise_dequantize(body: Body) -> Operation:
    """Read a dequantisation with a scale and a bias for each channel."""
    source, out = body.ends()
    channels, size = body.size("channels"), body.size("channel size")
    shape = body.file.shapes.read(body.file.main, source, channels * size)
    if shape[:2] != (1, channels):
        shape = (1, channels, size)
    table = body.reader.array("<f4", 2 * channels, "scales and biases")
    return ChannelwiseDequantize(
        name="",
        offset=body.at,
        inputs=(body.tensor(source, DType.U8, shape),),
        outputs=(body.tensor(out, DType.F32, shape),),
        scale=table[0::2],
        bias=table[1::2],
    )


def requantize(body: Body) -> Operation:
    """Read a table of 256 bytes that every byte is looked up in."""
    into, out = body.elementwise(DType.U8, DType.U8)
    table = constant(body.file.file, body.reader.take(256, "table"), DType.U8, (256,))
    return Lut1d(
        name="", offset=body.at, inputs=(into, table), outputs=(out,), minimum=0, maximum=255
    )


def _vector(body: Body) -> tuple[Buffer, Buffer]:
    source, out = body.ends()
    shape = 1, body.size("channels")
    return body.tensor(source, DType.F32, shape), body.tensor(out, DType.F32, shape)


def l2_normalization(body: Body) -> Operation:
    """Read a normalisation to length 1."""
    into, out = _vector(body)
    return L2Normalization(name="", offset=body.at, inputs=(into,), outputs=(out,))


def softmax(body: Body) -> Operation:
    """Read a softmax over all elements."""
    into, out = _vector(body)
    return Softmax(
        name="",
        offset=body.at,
        inputs=(into,),
        outputs=(out,),
        axis=1,
        least_max=SMALLEST_NORMAL,
    )


def logistic(body: Body) -> Operation:
    """Read a sigmoid."""
    into, out = _vector(body)
    return Sigmoid(name="", offset=body.at, inputs=(into,), outputs=(out,))


def concat(body: Body) -> Operation:
    """Read a concatenation of whole tensors, as bytes."""
    reader = body.reader
    reader.u32("flags")
    out = reader.u32("address of the output")
    parts = [
        (reader.u32("start of an input"), body.size("size of an input"))
        for _ in range(reader.count("number of inputs", each=8))
    ]
    return Concat(
        name="",
        offset=body.at,
        inputs=tuple(body.tensor(start, DType.U8, (size,)) for start, size in parts),
        outputs=(body.tensor(out, DType.U8, (sum(size for _, size in parts),)),),
        outer=1,
        pieces=tuple(size for _, size in parts),
    )


def fully_connected(body: Body) -> Operation:
    """Read a full connection; weights and bias stand in the body."""
    source, out = body.ends()
    into, results = body.size("input channels"), body.size("output channels")
    activation = body.activation()
    file, reader = body.file.file, body.reader
    weights = reader.take(4 * into * results, "weights")
    bias = reader.take(4 * results, "bias")
    return FullyConnected(
        name="",
        offset=body.at,
        inputs=(
            body.tensor(source, DType.F32, (1, into)),
            constant(file, weights, DType.F32, (results, into)),
            constant(file, bias, DType.F32, (results,)),
        ),
        outputs=(body.tensor(out, DType.F32, (1, results)),),
        activation=activation,
    )


def flatten(body: Body) -> Operation:
    """Read a change from CHW to HWC order."""
    source, out = body.ends()
    shape = body.image("shape")
    into = body.tensor(source, DType.F32, shape)
    result = body.tensor(out, DType.F32, (1, into.elements))
    return Flatten(name="", offset=body.at, inputs=(into,), outputs=(result,))


def _resize(body: Body, dtype: DType) -> Operation:
    source, out = body.ends()
    _, channels, *_ = shape = body.image("input shape")
    width, height = body.size("output width"), body.size("output height")
    return Resize(
        name="",
        offset=body.at,
        inputs=(body.tensor(source, dtype, shape),),
        outputs=(body.tensor(out, dtype, (1, channels, height, width)),),
        mode=ResizeMode.NEAREST,
        align_corners=bool(body.reader.u32("align corners")),
        half_pixel_centers=False,
    )


def resize(body: Body) -> Operation:
    """Read a nearest neighbour resize of floats."""
    return _resize(body, DType.F32)


def quantized_resize(body: Body) -> Operation:
    """Read a nearest neighbour resize of bytes."""
    return _resize(body, DType.U8)
