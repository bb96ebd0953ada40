"""A program of version 4 under construction, and what several strategies draw."""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from harness.kmodel import Buffer, DType, Memory, Pool, Port, Program
from harness.kmodel import operations as ops
from harness.kmodel.memory import dense, feature_map
from harness.kmodel.operations import QuantizedOperand, Requantization

SIZES = st.integers(1, 6)
SHAPES = st.tuples(SIZES, SIZES, SIZES, SIZES)
NUMBERS = st.integers(-(1 << 31), (1 << 31) - 1)
FLOATS = st.floats(width=32, allow_nan=False)
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
