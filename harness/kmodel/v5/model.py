"""What a v5 file is made of."""

from __future__ import annotations

from dataclasses import dataclass

from harness.kmodel.memory import DType, dense_strides
from harness.kmodel.reader import Bytes, Reader

INPUT, OUTPUT, CONSTANT, DATA, SHARED, KPU = 0, 1, 2, 3, 4, 64
DTYPES = (
    DType.I8,
    DType.I16,
    DType.I32,
    DType.I64,
    DType.U8,
    DType.U16,
    DType.U32,
    DType.U64,
    DType.F16,
    DType.F32,
    DType.F64,
    DType.BF16,
)


@dataclass(frozen=True)
class Range:
    """A `memory_range` of 12 bytes.

    Attributes:
        location: INPUT, OUTPUT, CONSTANT, DATA, SHARED or KPU.
        dtype: Element type.
        start: First byte.
        size: Bytes.
        at: Where the range stands in the file.
    """

    location: int
    dtype: DType
    start: int
    size: int
    at: int


@dataclass(frozen=True)
class Parameter:
    """One input or output of a function."""

    place: Range
    shape: tuple[int, ...]

    @property
    def strides(self) -> tuple[int, ...]:
        """Elements from one index to the next: there are no gaps."""
        return dense_strides(self.shape)


@dataclass(frozen=True)
class Function:
    """A piece of code with its inputs and outputs.

    Attributes:
        inputs: In order.
        outputs: In order.
        start: First byte of its code in the file.
        stop: First byte behind it.
    """

    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class Section:
    """A named range of the file."""

    start: int
    stop: int


@dataclass(frozen=True)
class Module:
    """Code for one kind of machine.

    Attributes:
        kind: `stackvm` (the CPU) or `k210` (the KPU).
        pools: Location → (bytes, where the file declares it).
        constants: Section `.rdata`, possibly empty.
        functions: In order.
    """

    kind: str
    pools: dict[int, tuple[int, int]]
    constants: Section
    functions: tuple[Function, ...]


@dataclass(frozen=True)
class Model:
    """A v5 file.

    Attributes:
        data: uint8 [file size].
        modules: In order.
        entry_module: Index of the module that is started.
        entry_function: Index of its function.
        before_functions: Whether the layout is that of nncase before 1.0.
        consumed: Bytes of the file that belong to the model.
    """

    data: Bytes
    modules: tuple[Module, ...]
    entry_module: int
    entry_function: int
    before_functions: bool
    consumed: int

    @property
    def entry(self) -> Function:
        """The function that is started."""
        return self.modules[self.entry_module].functions[self.entry_function]


def check_entry(
    reader: Reader, modules: tuple[Module, ...], module: int, function: int, at: int
) -> None:
    """Check that what is started is a function of a stackvm module.

    Raises:
        KModelError: It is not.
    """
    if module >= len(modules):
        reader.fail("entry module", module, f"below {len(modules)}", at)
    if modules[module].kind != "stackvm":
        reader.fail("entry module", modules[module].kind, "a stackvm module", at)
    if function >= len(modules[module].functions):
        reader.fail("entry function", function, f"below {len(modules[module].functions)}", at + 4)
