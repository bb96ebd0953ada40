"""The file around the code: header, modules, memory pools, functions, sections.

Source: nncase v1.9.0 `include/nncase/runtime/model.h`, `src/codegen/model_builder.cpp`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.kmodel.v5.container import FUNCTION_HEADER_SIZE, HEADER_SIZE, MODULE_HEADER_SIZE
from harness.kmodel.v5.model import Parameter
from harness.kmodel.v5.writer.parts import (
    aligned,
    packed,
    padding_to,
    parameter_bytes,
    pool_bytes,
)

VERSION, MODULE_VERSION = 5, 1


@dataclass(frozen=True)
class WrittenFunction:
    """A function to write: what it takes and gives, and its code."""

    inputs: Sequence[Parameter]
    outputs: Sequence[Parameter]
    code: bytes


@dataclass(frozen=True)
class WrittenModule:
    """A module to write.

    Attributes:
        kind: `stackvm` or `k210`.
        pools: Location → bytes, in the order of the locations.
        constants: The section `.rdata`.
        functions: In order.
        alignment: Of the bodies of sections, in the file.
    """

    kind: str
    pools: Mapping[int, int]
    constants: bytes
    functions: Sequence[WrittenFunction]
    alignment: int


def file_bytes(modules: Sequence[WrittenModule]) -> bytes:
    """Return the file of modules of which the first holds the entry, its first function."""
    alignment = max(module.alignment for module in modules)
    done = packed("4s7I", b"LDMK", VERSION, HEADER_SIZE, 0, alignment, len(modules), 0, 0)
    for module in modules:
        done += _module(module, len(done))
    return done


def _module(module: WrittenModule, start: int) -> bytes:
    """Return a module that begins at a byte of the file, on which its gaps depend."""
    pools = b"".join(pool_bytes(*pool) for pool in sorted(module.pools.items()))
    functions, entry = b"", 0
    for function in module.functions:
        functions += _function(function, entry)
        entry += len(function.code)
    text = b"".join(function.code for function in module.functions)
    done = pools + functions
    for name, body in ((b".rdata", module.constants), (b".text", text)):
        done += _section(name, body, start + MODULE_HEADER_SIZE + len(done), module.alignment)
    done += padding_to(start + MODULE_HEADER_SIZE + len(done))
    head = packed(
        "16s8I",
        module.kind.encode(),
        MODULE_VERSION,
        MODULE_HEADER_SIZE,
        MODULE_HEADER_SIZE + len(done),
        len(module.pools),
        0,
        2,
        len(module.functions),
        0,
    )
    return head + done


def _section(name: bytes, body: bytes, start: int, alignment: int) -> bytes:
    gap = padding_to(start + 32, alignment)
    return packed("16s4I", name, 0, len(gap), len(body), 0) + gap + body


def _function(function: WrittenFunction, entry: int) -> bytes:
    parameters = parameter_bytes(function.inputs) + parameter_bytes(function.outputs)
    parameters += padding_to(FUNCTION_HEADER_SIZE + len(parameters))
    return (
        packed(
            "8I",
            FUNCTION_HEADER_SIZE,
            FUNCTION_HEADER_SIZE + len(parameters),
            _pool_size(function.inputs),
            _pool_size(function.outputs),
            len(function.inputs),
            len(function.outputs),
            entry,
            len(function.code),
        )
        + parameters
    )


def _pool_size(parameters: Sequence[Parameter]) -> int:
    return aligned(max((p.place.start + p.place.size for p in parameters), default=0))
