"""Random programs in v4 form: one strategy an opcode, and chains of them."""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from harness.kmodel import Buffer, DType, Memory, Pool, Port, Program
from harness.kmodel import operations as ops
from harness.kmodel.memory import dense, feature_map
from harness.kmodel.operations import Padding, QuantizedOperand, Requantization
from harness.kmodel.tables import ActivationTable, BatchNorm
from harness.kmodel.v4.elementwise import BINARY, UNARY
from tests.kmodel.v3_files import registers

SIZES = st.integers(1, 6)
SHAPES = st.tuples(SIZES, SIZES, SIZES, SIZES)
NUMBERS = st.integers(-(1 << 31), (1 << 31) - 1)
FLOATS = st.floats(width=32, allow_nan=False)
BOUNDED = st.floats(-8, 8, width=32)
KPU = Pool("kpu", Memory.KPU, 2 * 1024 * 1024)


@dataclass
class Builder:
    """A program under construction; every tensor gets memory of its own.

    The pools' sizes are not known until the end: until then buffers lie in large ones.
    """

    draw: st.DrawFn
    main: Pool = field(default=Pool("main", Memory.MAIN, 1 << 20))
    file: Pool = field(default=Pool("file", Memory.CONSTANT, 1 << 24))
    used: int = 0
    rows: int = 0
    data: bytearray = field(default_factory=bytearray)
    inputs: list[Buffer] = field(default_factory=list)
    done: list[ops.Operation] = field(default_factory=list)

    def tensor(self, shape: tuple[int, ...], dtype: DType = DType.F32) -> Buffer:
        buffer = dense(self.main, self.used, dtype, shape)
        self.used += buffer.nbytes + -buffer.nbytes % 8
        return buffer

    def input(self, shape: tuple[int, ...], dtype: DType = DType.F32) -> Buffer:
        """Return a tensor that is one of the program's inputs."""
        self.inputs.append(self.tensor((1,) * (4 - len(shape)) + shape, dtype))
        return dense(self.main, self.inputs[-1].offset, dtype, shape)

    def constant(self, shape: tuple[int, ...], dtype: DType = DType.F32) -> Buffer:
        buffer = dense(self.file, len(self.data), dtype, shape)
        raw = self.draw(st.binary(min_size=8, max_size=8))
        self.data += (raw * (buffer.nbytes // 8 + 1))[: buffer.nbytes + -buffer.nbytes % 8]
        return buffer

    def map(self, shape: tuple[int, ...]) -> Buffer:
        buffer = feature_map(KPU, self.rows, shape)
        self.rows += buffer.nbytes // 64
        return buffer

    def add(self, kind: type[ops.Operation], inputs, outputs, **fields) -> None:
        name = f"{len(self.done):02d}_{kind.kind()}"
        done = kind(name=name, offset=0, inputs=inputs, outputs=outputs, **fields)
        self.done.append(done)

    def program(self) -> Program:
        output = self.done[-1].outputs[-1]
        return Program(
            version=4,
            group="0.2",
            candidates=("0.2",),
            inputs=tuple(Port(f"input_{i}", b) for i, b in enumerate(self.inputs)),
            outputs=(Port("output_0", output),),
            operations=tuple(self.done),
            pools=(self.main, KPU, self.file),
            data=np.frombuffer(bytes(self.data), np.uint8),
            consumed=len(self.data),
        )


def clamp(draw):
    return draw(FLOATS), draw(FLOATS)


def operand(draw):
    return QuantizedOperand(draw(NUMBERS), draw(NUMBERS), draw(NUMBERS))


def result(draw):
    return Requantization(draw(NUMBERS), draw(NUMBERS), draw(NUMBERS))


def either(builder, shape, dtype=DType.F32):
    """Return an input or a constant."""
    return getattr(builder, builder.draw(st.sampled_from(["input", "constant"])))(shape, dtype)


def binary(builder):
    draw, shape = builder.draw, builder.draw(SHAPES)
    small = tuple(size if draw(st.booleans()) else 1 for size in shape)
    inputs = builder.input(shape), either(builder, small)
    op = draw(st.sampled_from(BINARY))
    builder.add(ops.Binary, inputs, (builder.tensor(shape),), op=op, clamp=clamp(draw))


def quantized_binary(builder):
    draw, shape = builder.draw, builder.draw(SHAPES)
    inputs = builder.input(shape, DType.U8), either(builder, shape, DType.U8)
    out = builder.tensor(shape, DType.U8)
    op, a, b = draw(st.sampled_from(BINARY)), operand(draw), operand(draw)
    builder.add(ops.QuantizedBinary, inputs, (out,), op=op, a=a, b=b, result=result(draw))


def concat(builder):
    draw, axis = builder.draw, builder.draw(st.integers(0, 3))
    dtype = draw(st.sampled_from([DType.F32, DType.U8]))
    shape, sizes = draw(SHAPES), draw(st.lists(SIZES, min_size=1, max_size=4))
    if set(sizes) == {1}:  # the file does not say along which of several axes of size 1
        axis = next(n for n in range(axis + 1) if all(one == 1 for one in shape[n:axis]))
    along = lambda size: (*shape[:axis], size, *shape[axis + 1 :])  # noqa: E731
    inputs = tuple(builder.input(along(size), dtype) for size in sizes)
    inner = int(np.prod(shape[axis + 1 :])) * dtype.itemsize
    builder.add(
        ops.Concat,
        inputs,
        (builder.tensor(along(sum(sizes)), dtype),),
        outer=int(np.prod(shape[:axis])),
        pieces=tuple(inner * size for size in sizes),
    )


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


def zero_point(builder, kind=ops.DequantizeZeroPoint):
    draw, shape = builder.draw, builder.draw(SHAPES)
    types = (DType.U8, DType.F32) if kind is ops.DequantizeZeroPoint else (DType.F32, DType.U8)
    ends = (builder.input(shape, types[0]),), (builder.tensor(shape, types[1]),)
    builder.add(kind, *ends, zero_point=draw(NUMBERS), scale=draw(FLOATS))


def matmul(builder, quantized=False):
    draw, rows, inner, columns = builder.draw, *(builder.draw(SIZES) for _ in range(3))
    dtype, wide = (DType.U8, DType.I32) if quantized else (DType.F32, DType.F32)
    inputs = (
        builder.input((rows, inner), dtype),
        either(builder, (inner, columns), dtype),
        builder.constant((columns,), wide),
    )
    outputs = (builder.tensor((rows, columns), dtype),)
    if quantized:
        fields = {"a_offset": draw(NUMBERS), "b_offset": draw(NUMBERS), "result": result(draw)}
        builder.add(ops.QuantizedMatMul, inputs, outputs, **fields)
    else:
        builder.add(ops.MatMul, inputs, outputs, clamp=clamp(draw))


def pad(builder):
    draw, shape = builder.draw, builder.draw(SHAPES)
    dtype = draw(st.sampled_from([DType.F32, DType.U8]))
    paddings = tuple(Padding(draw(st.integers(1 - s, 3)), draw(st.integers(0, 3))) for s in shape)
    out = tuple(s + p.before + p.after for s, p in zip(shape, paddings, strict=True))
    value = draw(FLOATS) if dtype is DType.F32 else float(draw(st.integers(0, 255)))
    builder.add(
        ops.Pad,
        (builder.input(shape, dtype),),
        (builder.tensor(out, dtype),),
        paddings=paddings,
        mode=ops.PadMode.CONSTANT,
        value=value,
    )


def reduce(builder):
    draw, shape = builder.draw, builder.draw(SHAPES)
    axes = tuple(axis for axis, size in enumerate(shape) if size > 1 and draw(st.booleans()))
    out = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    builder.add(
        ops.Reduce,
        (builder.input(shape),),
        (builder.tensor(out),),
        op=draw(st.sampled_from(ops.ReduceOp)),
        axes=axes,
        keep_dims=True,
        initial=draw(FLOATS),
    )


def memory_copy(builder):
    shape = builder.draw(SHAPES)
    builder.add(ops.Copy, (builder.input(shape),), (builder.tensor(shape),))


def resize(builder):
    draw, (n, c, h, w) = builder.draw, builder.draw(SHAPES)
    dtype = draw(st.sampled_from([DType.F32, DType.U8]))
    builder.add(
        ops.Resize,
        (builder.input((n, c, h, w), dtype),),
        (builder.tensor((n, c, draw(SIZES), draw(SIZES)), dtype),),
        mode=draw(st.sampled_from(ops.ResizeMode)),
        align_corners=draw(st.booleans()),
        half_pixel_centers=False,
    )


def softmax(builder):
    shape = builder.draw(SIZES), builder.draw(SIZES)
    ends = (builder.input(shape),), (builder.tensor(shape),)
    builder.add(ops.Softmax, *ends, axis=1, beta=builder.draw(FLOATS))


def transpose(builder):
    draw, shape = builder.draw, builder.draw(SHAPES)
    perm = tuple(draw(st.permutations(range(4))))
    out = tuple(shape[axis] for axis in perm)
    builder.add(ops.Transpose, (builder.input(shape),), (builder.tensor(out),), perm=perm)


def strided_slice(builder):
    draw, shape = builder.draw, builder.draw(SHAPES)
    begins = tuple(draw(st.integers(0, size - 1)) for size in shape)
    ends = tuple(draw(st.integers(b + 1, s)) for b, s in zip(begins, shape, strict=True))
    steps = tuple(draw(st.integers(1, 3)) for _ in shape)
    out = tuple(len(range(*axis)) for axis in zip(begins, ends, steps, strict=True))
    builder.add(
        ops.Slice,
        (builder.input(shape),),
        (builder.tensor(out),),
        begins=begins,
        ends=ends,
        strides=steps,
    )


def unary(builder):
    shape = builder.draw(SHAPES)
    ends = (builder.input(shape),), (builder.tensor(shape),)
    builder.add(ops.Unary, *ends, op=builder.draw(st.sampled_from(UNARY)))


def unary_program(builder):
    """Byte code in whole words of 8 bytes, as bodies are filled up to them."""
    shape, words = builder.draw(SHAPES), builder.draw(st.integers(0, 4))
    code = builder.draw(st.binary(min_size=8 * words, max_size=8 * words))
    ends = (builder.input(shape),), (builder.tensor(shape),)
    builder.add(ops.UnaryProgram, *ends, code=np.frombuffer(code, np.uint8))


def lut1d(builder):
    shape = builder.draw(SHAPES)
    inputs = builder.input(shape, DType.U8), either(builder, (256,), DType.U8)
    builder.add(ops.Lut1d, inputs, (builder.tensor(shape, DType.U8),), minimum=0, maximum=255)


def kpu_upload(builder):
    shape = builder.draw(SHAPES)
    builder.add(ops.KpuUpload, (builder.input(shape, DType.U8),), (builder.map(shape),))
    return builder.done[-1].output


def kpu_conv2d(builder):
    """Upload a map, run a layer on it and, so that there is an output, send it to main memory."""
    draw, source = builder.draw, kpu_upload(builder)
    batches, channels, height, width = source.shape
    depthwise, three = draw(st.booleans()), draw(st.booleans())
    out = channels if depthwise else draw(SIZES)
    target = builder.map((batches, out, height, width))
    count = lambda *shape: np.frombuffer(  # noqa: E731
        draw(st.binary(min_size=(n := int(np.prod(shape))), max_size=n)), np.uint8
    ).reshape(shape)
    kernel = 3 if three else 1
    builder.add(
        ops.KpuConv2d,
        (source,),
        (target, builder.tensor(target.shape, DType.U8)),
        registers=registers(
            in_channels=channels,
            out_channels=out,
            in_width=width,
            in_height=height,
            out_width=width,
            out_height=height,
            depthwise=int(depthwise),
            kernel_type=int(three),
            arg_x=draw(st.integers(-(1 << 23), (1 << 23) - 1)),
            pad_value=draw(st.integers(0, 255)),
            source_row=source.offset // 64,
            destination_row=target.offset // 64,
        ),
        weights=count(out, 1 if depthwise else channels, kernel, kernel),
        batch_norm=BatchNorm(count(8 * out).view("<u8")),
        activation=ActivationTable.decode(count(144)),
        weights_offset=0,
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
