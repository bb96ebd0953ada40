"""The file around the code: header, modules, memory pools, functions, sections.

Source: nncase v1.9.0 `include/nncase/runtime/model.h` and `src/runtime`, the same since v1.0.0.
A first layout, of nncase before 1.0 (2021-01 to 2021-08), has a shorter header and no functions:
a module is one. Source: nncase commit 38ea39f89, `include/nncase/runtime/model.h`.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.kmodel.memory import DType, dense_strides
from harness.kmodel.reader import Bytes, Reader

INPUT, OUTPUT, CONSTANT, DATA, SHARED, KPU = 0, 1, 2, 3, 4, 64
HEADER_SIZE = 32
MODULE_HEADER_SIZE = 48
FUNCTION_HEADER_SIZE = 32
MERGED_INTO_CONSTANTS = 1
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


def read(data: Bytes) -> Model:
    """Return the modules of a v5 file.

    Raises:
        KModelError: The file breaks a rule of the format.
    """
    reader = Reader(data)
    reader.skip(8, "identifier and version")
    at = reader.position
    header_size = reader.u32("header size")
    if header_size == 0:
        return _read_before_functions(reader)
    if header_size != HEADER_SIZE:
        reader.fail("header size", header_size, f"{HEADER_SIZE}, or 0 before nncase 1.0", at)
    reader.skip(8, "flags and alignment")
    count = reader.count("number of modules", each=MODULE_HEADER_SIZE)
    entry_at = reader.position
    entry_module, entry_function = reader.u32("entry module"), reader.u32("entry function")
    modules = tuple(_module(reader) for _ in range(count))
    _check_entry(reader, modules, entry_module, entry_function, entry_at)
    return Model(data, modules, entry_module, entry_function, False, reader.position)


def _check_entry(
    reader: Reader, modules: tuple[Module, ...], module: int, function: int, at: int
) -> None:
    if module >= len(modules):
        reader.fail("entry module", module, f"below {len(modules)}", at)
    if modules[module].kind != "stackvm":
        reader.fail("entry module", modules[module].kind, "a stackvm module", at)
    if function >= len(modules[module].functions):
        reader.fail("entry function", function, f"below {len(modules[module].functions)}", at + 4)


def _module(reader: Reader) -> Module:
    start = reader.position
    kind = reader.text(16, "module type")
    reader.u32("module version")
    reader.u32("module header size")
    at = reader.position
    size = reader.u32("module size")
    body = _part(reader, start, size, "module size", at)
    pools, shared = body.count("number of pools", 8), body.count("number of shared pools", 8)
    sections = body.count("number of sections", 32)
    functions = body.count("number of functions", FUNCTION_HEADER_SIZE)
    body.u32("reserved")
    declared = _pools(body, pools)
    body.skip(8 * shared, "shared pools")
    parts = [_function_part(body) for _ in range(functions)]
    named = _sections(body, sections)
    text = named.get(".text", Section(0, 0))
    return Module(
        kind=kind,
        pools=declared,
        constants=named.get(".rdata", Section(0, 0)),
        functions=tuple(_function(part, text) for part in parts),
    )


def _part(reader: Reader, start: int, size: int, field: str, at: int) -> Reader:
    """Return a reader of the rest of a part that began at `start`; move past the part."""
    header = reader.position - start
    if not header <= size <= reader.stop - start:
        reader.fail(field, size, f"{header} to {reader.stop - start}", at)
    part = Reader(reader.data, reader.position, start + size)
    reader.position = start + size
    return part


def _pools(reader: Reader, count: int) -> dict[int, tuple[int, int]]:
    pools = {}
    for _ in range(count):
        location = reader.u8("location of a pool")
        reader.skip(3, "padding")
        at = reader.position
        pools[location] = reader.u32("size of a pool"), at
    return pools


def _function_part(reader: Reader) -> Reader:
    start = reader.position
    reader.u32("function header size")
    at = reader.position
    size = reader.u32("function size")
    return _part(reader, start, size, "function size", at)


def _function(reader: Reader, text: Section) -> Function:
    reader.skip(8, "sizes of the input and output pools")
    inputs = reader.count("number of inputs", each=16)
    outputs = reader.count("number of outputs", each=16)
    at = reader.position
    entry, size = reader.u32("entry point"), reader.u32("size of the code")
    if entry + size > text.stop - text.start:
        reader.fail("code", f"{entry} to {entry + size}", "a place in the section .text", at)
    return Function(
        inputs=_parameters(reader, inputs),
        outputs=_parameters(reader, outputs),
        start=text.start + entry,
        stop=text.start + entry + size,
    )


def _parameters(reader: Reader, count: int) -> tuple[Parameter, ...]:
    places = [memory_range(reader) for _ in range(count)]
    return tuple(
        Parameter(place, reader.shape(reader.u32("rank"), "shape of a tensor")) for place in places
    )


def memory_range(reader: Reader) -> Range:
    """Read a memory range."""
    at = reader.position
    location = reader.u8("location")
    dtype = data_type(reader.u8("data type"), reader)
    reader.skip(2, "shared module")
    return Range(location, dtype, reader.u32("start"), reader.u32("size"), at)


def data_type(number: int, reader: Reader) -> DType:
    """Return the element type of a number.

    Raises:
        KModelError: There is none of that number.
    """
    if number >= len(DTYPES):
        reader.fail("data type", number, f"0 to {len(DTYPES) - 1}")
    return DTYPES[number]


def _sections(reader: Reader, count: int) -> dict[str, Section]:
    """Read sections; some lie in a part of the constants instead of a body of their own."""
    found: dict[str, Section] = {}
    merged = []
    for _ in range(count):
        at = reader.position
        name = reader.text(16, "section name")
        flags, start, size = (reader.u32(part) for part in ("flags", "body start", "body size"))
        reader.u32("reserved")
        if flags & MERGED_INTO_CONSTANTS:
            merged.append((name, start, size, at))
            continue
        reader.skip(start, "padding before a section")
        body = reader.take(size, f"section {name}")
        found.setdefault(name, Section(body, body + size))
    constants = found.get(".rdata", Section(0, 0))
    for name, start, size, at in merged:
        if start + size > constants.stop - constants.start:
            reader.fail(f"section {name}", f"{start} to {start + size}", "a part of .rdata", at)
        first = constants.start + start
        found.setdefault(name, Section(first, first + size))
    return found


def _read_before_functions(reader: Reader) -> Model:
    reader.u32("alignment")
    count = reader.count("number of modules", each=40)
    at = reader.position
    entry = reader.u32("main module")
    modules = tuple(_module_before_functions(reader) for _ in range(count))
    _check_entry(reader, modules, entry, 0, at)
    return Model(reader.data, modules, entry, 0, True, reader.position)


def _module_before_functions(reader: Reader) -> Module:
    kind = reader.text(16, "module type")
    at = reader.position
    size = reader.u32("module size")
    counts = [
        reader.u32(f"number of {what}") for what in ("pools", "inputs", "outputs", "sections")
    ]
    reader.u32("reserved")
    body = _part(reader, reader.position, size, "module size", at)
    pools, inputs, outputs, sections = counts
    for number, each in zip(counts, (8, 16, 16, 32), strict=True):
        if number * each > body.left:
            reader.fail("module header", counts, f"what fits into {body.left} bytes", at)
    declared = _pools(body, pools)
    parameters = _parameters(body, inputs), _parameters(body, outputs)
    named = _sections(body, sections)
    text = named.get(".text", Section(0, 0))
    return Module(
        kind=kind,
        pools=declared,
        constants=named.get(".rdata", Section(0, 0)),
        functions=(Function(*parameters, text.start, text.stop),),
    )
