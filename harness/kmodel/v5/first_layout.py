"""The layout of nncase before 1.0 (2021-01 to 2021-08): a shorter header, and no functions.

A module is a function. Source: nncase commit 38ea39f89, `include/nncase/runtime/model.h`.
"""

from __future__ import annotations

from harness.kmodel.reader import Reader
from harness.kmodel.v5.model import Function, Model, Module, Section, check_entry
from harness.kmodel.v5.parts import (
    read_parameters,
    read_part,
    read_pools,
    read_sections,
)


def read_first_layout(reader: Reader) -> Model:
    """Return the modules of a file whose flags, which are 0, have just been read.

    Raises:
        KModelError: The file breaks a rule of the format.
    """
    reader.u32("alignment")
    count = reader.count("number of modules", each=40)
    at = reader.position
    entry = reader.u32("main module")
    modules = tuple(_module(reader) for _ in range(count))
    check_entry(reader, modules, entry, 0, at)
    return Model(reader.data, modules, entry, 0, True, reader.position)


def _module(reader: Reader) -> Module:
    kind = reader.text(16, "module type")
    at = reader.position
    size = reader.u32("module size")
    counts = [
        reader.u32(f"number of {what}") for what in ("pools", "inputs", "outputs", "sections")
    ]
    reader.u32("reserved")
    body = read_part(reader, reader.position, size, "module size", at)
    pools, inputs, outputs, sections = counts
    for number, each in zip(counts, (8, 16, 16, 32), strict=True):
        if number * each > body.left:
            reader.fail("module header", counts, f"what fits into {body.left} bytes", at)
    declared = read_pools(body, pools)
    parameters = read_parameters(body, inputs), read_parameters(body, outputs)
    named = read_sections(body, sections)
    text = named.get(".text", Section(0, 0))
    return Module(
        kind=kind,
        pools=declared,
        constants=named.get(".rdata", Section(0, 0)),
        functions=(Function(*parameters, text.start, text.stop),),
    )
