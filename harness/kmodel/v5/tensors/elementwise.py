"""Instructions that look at one element at a time, and reductions."""

from __future__ import annotations

from harness.kmodel.memory import Buffer, DType
from harness.kmodel.operations import (
    Binary,
    BinaryOp,
    Compare,
    CompareOp,
    Convert,
    Cumsum,
    Dequantize,
    Hardmax,
    LayerNormalization,
    Lut1d,
    Operation,
    Quantize,
    Reduce,
    ReduceArg,
    ReduceOp,
    ReduceProd,
    Sigmoid,
    Softmax,
    Ternary,
    Unary,
)
from harness.kmodel.v5.tensors.instruction import Instruction


def _broadcast(instruction: Instruction, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    rank = max(len(shape) for shape in shapes)
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    result = tuple(max(sizes) for sizes in zip(*padded, strict=True))
    if any(
        size not in (1, out) for shape in padded for size, out in zip(shape, result, strict=True)
    ):
        instruction.machine.fail("shapes", shapes, "equal sizes, or 1")
    return result


def _like(
    instruction: Instruction, dtype: DType, result: DType | None = None
) -> tuple[Buffer, Buffer]:
    """Return an input and an output of the same shape."""
    into = instruction.tensor("x", dtype)
    return into, instruction.tensor("out", result or dtype, into.shape)


def _pair(instruction: Instruction, result: DType | None = None) -> tuple[list[Buffer], Buffer]:
    dtype = instruction.dtype()
    inputs = [instruction.tensor("a", dtype), instruction.tensor("b", dtype)]
    shape = _broadcast(instruction, *(buffer.shape for buffer in inputs))
    if "out_shape" in instruction.operands and instruction.shape("out") != shape:
        instruction.machine.fail("shape of a result", instruction.shape("out"), f"{shape}")
    return inputs, instruction.tensor("out", result or dtype, shape)


def binary(instruction: Instruction) -> Operation:
    """Element by element, with broadcasting."""
    inputs, out = _pair(instruction)
    return Binary(
        name="",
        offset=instruction.at,
        inputs=tuple(inputs),
        outputs=(out,),
        op=instruction.choice("op", tuple(BinaryOp)),
        clamp=instruction.clamp(),
    )


def compare(instruction: Instruction) -> Operation:
    """Compare element by element, with broadcasting."""
    inputs, out = _pair(instruction, DType.BOOL)
    return Compare(
        name="",
        offset=instruction.at,
        inputs=tuple(inputs),
        outputs=(out,),
        op=instruction.choice("op", tuple(CompareOp)),
    )


def equal(instruction: Instruction) -> Operation:
    """The only comparison before 1.6."""
    inputs, out = _pair(instruction, DType.BOOL)
    return Compare(
        name="", offset=instruction.at, inputs=tuple(inputs), outputs=(out,), op=CompareOp.EQUAL
    )


def ternary(instruction: Instruction) -> Operation:
    """Choose element by element."""
    dtype = instruction.dtype()
    inputs = tuple(instruction.tensor(name, dtype) for name in "abc")
    shape = _broadcast(instruction, *(buffer.shape for buffer in inputs))
    result = instruction.tensor("out", dtype, shape)
    return Ternary(name="", offset=instruction.at, inputs=inputs, outputs=(result,))


def unary(instruction: Instruction) -> Operation:
    """A release numbers the functions its own way."""
    into, out = _like(instruction, instruction.dtype())
    op = instruction.choice("op", instruction.machine.release.unary)
    return Unary(name="", offset=instruction.at, inputs=(into,), outputs=(out,), op=op)


def sigmoid(instruction: Instruction) -> Operation:
    """The logistic function."""
    into, out = _like(instruction, instruction.dtype())
    return Sigmoid(name="", offset=instruction.at, inputs=(into,), outputs=(out,))


def convert(instruction: Instruction) -> Operation:
    """Another element type."""
    into, out = _like(instruction, instruction.dtype(), instruction.dtype("out_dtype"))
    return Convert(name="", offset=instruction.at, inputs=(into,), outputs=(out,))


def dequantize(instruction: Instruction) -> Operation:
    """From integers to floats."""
    into, out = _like(instruction, instruction.dtype(), instruction.dtype("out_dtype"))
    return Dequantize(
        name="",
        offset=instruction.at,
        inputs=(into,),
        outputs=(out,),
        scale=instruction.scalar("scale"),
        bias=instruction.scalar("bias"),
    )


def quantize(instruction: Instruction) -> Operation:
    """From floats to integers."""
    into, out = _like(instruction, instruction.dtype(), instruction.dtype("out_dtype"))
    return Quantize(
        name="",
        offset=instruction.at,
        inputs=(into,),
        outputs=(out,),
        scale=instruction.scalar("scale"),
        bias=instruction.scalar("bias"),
    )


def lut1d(instruction: Instruction) -> Operation:
    """A table look-up."""
    dtype = instruction.dtype()
    into = instruction.tensor("x", dtype)
    size = (instruction.number("table_size"),)
    return Lut1d(
        name="",
        offset=instruction.at,
        inputs=(into, instruction.tensor("table", dtype, size)),
        outputs=(instruction.tensor("out", dtype, into.shape),),
        minimum=instruction.scalar("minimum"),
        maximum=instruction.scalar("maximum"),
    )


def softmax(instruction: Instruction) -> Operation:
    """Softmax along an axis."""
    into, out = _like(instruction, instruction.dtype())
    return Softmax(
        name="",
        offset=instruction.at,
        inputs=(into,),
        outputs=(out,),
        axis=instruction.axis(len(into.shape)),
        beta=instruction.real("beta"),
    )


def hardmax(instruction: Instruction) -> Operation:
    """Mark the maximum along an axis."""
    into, out = _like(instruction, instruction.dtype())
    axis = instruction.axis(len(into.shape))
    return Hardmax(name="", offset=instruction.at, inputs=(into,), outputs=(out,), axis=axis)


def cumsum(instruction: Instruction) -> Operation:
    """Running sums along an axis."""
    into, out = _like(instruction, instruction.dtype())
    return Cumsum(
        name="",
        offset=instruction.at,
        inputs=(into,),
        outputs=(out,),
        axis=instruction.axis(len(into.shape)),
        exclusive=instruction.flag("exclusive"),
        reverse=instruction.flag("reverse"),
    )


def layer_normalization(instruction: Instruction) -> Operation:
    """Normalise over the last axes."""
    dtype = instruction.dtype()
    into = instruction.tensor("x", dtype)
    axis = instruction.axis(len(into.shape))
    inner = into.shape[axis:]
    return LayerNormalization(
        name="",
        offset=instruction.at,
        inputs=(
            into,
            instruction.tensor("scale", dtype, inner),
            instruction.tensor("bias", dtype, inner),
        ),
        outputs=(instruction.tensor("out", dtype, into.shape),),
        axis=axis,
        epsilon=instruction.real("epsilon"),
    )


def _reduced(shape: tuple[int, ...], axes: tuple[int, ...], keep: bool) -> tuple[int, ...]:
    sizes = [1 if axis in axes else size for axis, size in enumerate(shape)]
    return tuple(size for axis, size in enumerate(sizes) if keep or axis not in axes)


def reduce(instruction: Instruction) -> Operation:
    """One value for all elements along some axes."""
    dtype = instruction.dtype()
    into, keep = instruction.tensor("x", dtype), instruction.flag("keep_dims")
    axes = instruction.axes(len(into.shape))
    return Reduce(
        name="",
        offset=instruction.at,
        inputs=(into,),
        outputs=(instruction.tensor("out", dtype, _reduced(into.shape, axes, keep)),),
        op=instruction.choice("op", tuple(ReduceOp)),
        axes=axes,
        keep_dims=keep,
        initial=instruction.scalar("initial"),
    )


def reduce_arg(instruction: Instruction) -> Operation:
    """Index of the least or greatest element."""
    into, keep = instruction.tensor("x", instruction.dtype()), instruction.flag("keep_dims")
    axes, result = instruction.axes(len(into.shape)), instruction.dtype("out_dtype")
    return ReduceArg(
        name="",
        offset=instruction.at,
        inputs=(into,),
        outputs=(instruction.tensor("out", result, _reduced(into.shape, axes, keep)),),
        largest=instruction.choice("op", (False, True)),
        axes=axes,
        keep_dims=keep,
        select_last=instruction.flag("select_last"),
    )


def reduce_prod(instruction: Instruction) -> Operation:
    """Products along some axes; float32 before 1.6."""
    dtype = instruction.dtype() if "dtype" in instruction.operands else DType.F32
    into, keep = instruction.tensor("x", dtype), instruction.flag("keep_dims")
    axes = instruction.axes(len(into.shape))
    return ReduceProd(
        name="",
        offset=instruction.at,
        inputs=(into,),
        outputs=(instruction.tensor("out", dtype, _reduced(into.shape, axes, keep)),),
        axes=axes,
        keep_dims=keep,
    )
