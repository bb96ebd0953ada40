"""The file around the code: header, modules, memory pools, functions, sections.

Source: nncase v1.9.0 `include/nncase/runtime/model.h` and `src/runtime`, the same since
v1.0.0-beta1.
"""

from __future__ import annotations

from harness.kmodel.reader import Bytes, Reader
from harness.kmodel.v5.first_layout import read_first_layout
from harness.kmodel.v5.model import Function, Model, Module, Section, check_entry
from harness.kmodel.v5.parts import (
    read_parameters,
    read_part,
    read_pools,
    read_sections,
)

HEADER_SIZE = 32
MODULE_HEADER_SIZE = 48
FUNCTION_HEADER_SIZE = 32


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
        return read_first_layout(reader)
    if header_size != HEADER_SIZE:
        reader.fail("header size", header_size, f"{HEADER_SIZE}, or 0 before nncase 1.0", at)
    reader.skip(8, "flags and alignment")
    count = reader.count("number of modules", each=MODULE_HEADER_SIZE)
    entry_at = reader.position
    entry_module, entry_function = reader.u32("entry module"), reader.u32("entry function")
    modules = tuple(_module(reader) for _ in range(count))
    check_entry(reader, modules, entry_module, entry_function, entry_at)
    return Model(data, modules, entry_module, entry_function, False, reader.position)


def _module(reader: Reader) -> Module:
    start = reader.position
    kind = reader.text(16, "module type")
    reader.u32("module version")
    reader.u32("module header size")
    at = reader.position
    size = reader.u32("module size")
    body = read_part(reader, start, size, "module size", at)
    pools, shared = body.count("number of pools", 8), body.count("number of shared pools", 8)
    sections = body.count("number of sections", 32)
    functions = body.count("number of functions", FUNCTION_HEADER_SIZE)
    body.u32("reserved")
    declared = read_pools(body, pools)
    body.skip(8 * shared, "shared pools")
    parts = [_function_part(body) for _ in range(functions)]
    named = read_sections(body, sections)
    text = named.get(".text", Section(0, 0))
    return Module(
        kind=kind,
        pools=declared,
        constants=named.get(".rdata", Section(0, 0)),
        functions=tuple(_function(part, text) for part in parts),
    )


def _function_part(reader: Reader) -> Reader:
    start = reader.position
    reader.u32("function header size")
    at = reader.position
    size = reader.u32("function size")
    return read_part(reader, start, size, "function size", at)


def _function(reader: Reader, text: Section) -> Function:
    reader.skip(8, "sizes of the input and output pools")
    inputs = reader.count("number of inputs", each=16)
    outputs = reader.count("number of outputs", each=16)
    at = reader.position
    entry, size = reader.u32("entry point"), reader.u32("size of the code")
    if entry + size > text.stop - text.start:
        reader.fail("code", f"{entry} to {entry + size}", "a place in the section .text", at)
    return Function(
        inputs=read_parameters(reader, inputs),
        outputs=read_parameters(reader, outputs),
        start=text.start + entry,
        stop=text.start + entry + size,
    )
