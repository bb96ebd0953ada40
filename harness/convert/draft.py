"""A program while it is rewritten: operations over tensors that have no place yet.

Every tensor lies in a pool of its own, so that nothing overlaps and nothing is reused; places in
main memory are found when all operations are known. Feature maps keep their rows in KPU memory,
since the KPU's layers keep their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from harness.convert.conversion import Obstacle, Refused
from harness.kmodel.memory import Buffer, DType, Memory, Pool, dense
from harness.kmodel.operations import Operation, Padding
from harness.kmodel.program import Program

FLOAT, BYTE = DType.F32, DType.U8
Values = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Coded:
    """A float tensor of which every element is told by one byte of another.

    Attributes:
        codes: uint8 tensor with as many elements.
        table: float32 [256], the value for each byte.
        scale: Factor of the dequantisation that made it, if it was one with a bias.
        bias: Its bias.
    """

    codes: Buffer
    table: Values
    scale: float = 0.0
    bias: float = 0.0


@dataclass(frozen=True)
class Padded:
    """A tensor made by putting a constant around another.

    Attributes:
        inner: The other.
        paddings: One an axis.
        value: The constant.
    """

    inner: Buffer
    paddings: tuple[Padding, ...]
    value: float


@dataclass
class Draft:
    """What has been rewritten so far.

    Attributes:
        program: The program that is rewritten.
        operations: The new operations, in running order.
        source: The operation that is being rewritten.
        values: By pool, all values that the elements of a tensor can have, where they are few.
        coded: By pool, the bytes that tell the elements of a tensor.
        last_bit: Whether results may differ where no way to the same bits is known.
        obstacles: Operations that have no way.
        inexact: Operations that may differ.
        kinds: What the version has.
        downloads: KPU layers whose results somebody reads from main memory.
        padded: By pool, how a tensor was made by padding.
        corners: Pools of tensors, and names of operations giving feature maps, that stand for 4x4
            maps of which only the top left value is ever looked at (v3).
        inputs: By pool, the program's inputs in main memory, and the feature map that the firmware
            puts each into instead, if it does.
        direct: Uploads of inputs that nobody else reads, before all else in KPU memory.
        aliases: By pool, the tensor that a tensor of another name is.
        read_in_kpu: KPU layers whose feature maps other layers read.
        feeding: What wrote the feature map that `source` reads.
        interleaves: Whether the version concatenates along inner axes.
    """

    program: Program
    last_bit: bool = False
    operations: list[Operation] = field(default_factory=list)
    source: Operation | None = None
    values: dict[str, Values] = field(default_factory=dict)
    coded: dict[str, Coded] = field(default_factory=dict)
    obstacles: list[Obstacle] = field(default_factory=list)
    inexact: list[Obstacle] = field(default_factory=list)
    kinds: frozenset[type[Operation]] = frozenset()
    downloads: frozenset[str] = frozenset()
    padded: dict[str, Padded] = field(default_factory=dict)
    corners: set[str] = field(default_factory=set)
    inputs: dict[str, Buffer | None] = field(default_factory=dict)
    aliases: dict[str, Buffer] = field(default_factory=dict)
    direct: frozenset[str] = frozenset()
    read_in_kpu: frozenset[str] = frozenset()
    feeding: frozenset[str] = frozenset()
    interleaves: bool = True
    _appended: list[bytes] = field(default_factory=list)
    _known: dict[bytes, int] = field(default_factory=dict)
    _tensors: int = 0

    def __post_init__(self) -> None:
        self._file = next(p for p in self.program.pools if p.memory is Memory.CONSTANT)
        size = len(self.program.data)
        self._end = size + -size % 8

    def tensor(self, dtype: DType, shape: Sequence[int]) -> Buffer:
        """Return a new tensor in main memory."""
        self._tensors += 1
        pool = Pool(f"tensor {self._tensors}", Memory.MAIN, prod(shape) * dtype.itemsize)
        return dense(pool, 0, dtype, tuple(shape))

    def alias(self, buffer: Buffer) -> Buffer:
        """Return the same tensor under another name, for what is known of one reading only."""
        named = self.tensor(buffer.dtype, buffer.shape)
        self.aliases[named.pool.name] = buffer
        values, coded = self.values.get(buffer.pool.name), self.coded.get(buffer.pool.name)
        self.know(named, values, coded)
        return named

    def puts(self, operation: Operation, x: Buffer) -> bool:
        """Return whether the firmware does an upload, and remember where the input goes."""
        if operation.name not in self.direct or x.pool.name not in self.inputs:
            return False
        self.inputs[x.pool.name] = operation.output
        return True

    def constant(self, values: npt.ArrayLike, dtype: DType = FLOAT) -> Buffer:
        """Return a tensor of new constants; equal ones are stored once."""
        array = np.ascontiguousarray(values, dtype.numpy)
        raw = array.tobytes()
        if raw not in self._known:
            self._known[raw] = self._end
            self._appended.append(raw + bytes(-len(raw) % 8))
            self._end += len(self._appended[-1])
        return dense(self._file, self._known[raw], dtype, array.shape)

    def scalar(self, value: float) -> Buffer:
        """Return a constant of one float32."""
        return self.constant(np.full((1, 1, 1, 1), value, np.float32))

    def data(self) -> npt.NDArray[np.uint8]:
        """Return the bytes of the file with the new constants behind them."""
        size = len(self.program.data)
        tail = bytes(-size % 8) + b"".join(self._appended) if self._appended else b""
        data = np.concatenate([self.program.data, np.frombuffer(tail, np.uint8)])
        data.flags.writeable = False
        return data

    def emit(
        self,
        kind: type[Operation],
        inputs: Sequence[Buffer],
        dtype: DType,
        shape: Sequence[int],
        **fields: Any,  # noqa: ANN401  the fields of `kind`
    ) -> Buffer:
        """Append an operation with a new tensor as output, and return that."""
        result = self.tensor(dtype, shape)
        self.append(kind, inputs, (result,), **fields)
        return result

    def append(
        self,
        kind: type[Operation],
        inputs: Sequence[Buffer],
        outputs: Sequence[Buffer],
        **fields: Any,  # noqa: ANN401  the fields of `kind`
    ) -> None:
        """Append an operation.

        Raises:
            Refused: The version has none of that kind.
        """
        if kind not in self.kinds:
            refuse(f"it takes a {kind.kind()}, which the version lacks")
        offset = self.source.offset if self.source else 0
        operation = kind(
            name="", offset=offset, inputs=tuple(inputs), outputs=tuple(outputs), **fields
        )
        self.operations.append(operation)

    def read(self, buffer: Buffer) -> npt.NDArray[Any]:
        """Return the values of a constant, old or new."""
        size = len(self.program.data)
        if buffer.offset < size:
            return self.program.constant(buffer)
        raw = self.data()[buffer.offset : buffer.end]
        return raw.view(buffer.dtype.numpy).reshape(buffer.shape)

    def know(self, buffer: Buffer, values: Values | None, coded: Coded | None = None) -> None:
        """Remember which values a tensor can have."""
        if values is not None:
            self.values[buffer.pool.name] = values
        if coded is not None:
            self.coded[buffer.pool.name] = coded

    def differs(self, how: str) -> None:
        """Note that the operation may differ, or refuse it where that is not allowed.

        Raises:
            Refused: It has to be the same to the bit.
        """
        if not self.last_bit:
            raise Refused(how, "allow it with --allow-last-bit")
        assert self.source
        self.inexact.append(Obstacle(self.source.name, self.source.kind(), how, ""))


def reshaped(buffer: Buffer, shape: Sequence[int]) -> Buffer:
    """Return the same elements under another shape."""
    return dense(buffer.pool, buffer.offset, buffer.dtype, tuple(shape))


def is_constant(buffer: Buffer) -> bool:
    """Return whether a tensor stands in the file."""
    return buffer.memory is Memory.CONSTANT


def refuse(reason: str, remedy: str = "") -> NoReturn:
    """Refuse the operation that is being rewritten."""
    raise Refused(reason, remedy)
