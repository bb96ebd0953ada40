"""Reads what was written, so that a file says what the program says or is not made at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.errors import ConversionError, KModelError
from harness.kmodel.build import ports
from harness.kmodel.difference import differences
from harness.kmodel.program import Program
from harness.kmodel.v5 import container
from harness.kmodel.v5.memory import Pools
from harness.kmodel.v5.releases import Release
from harness.kmodel.v5.stackvm import execute
from harness.kmodel.writer import Refusals

# Constants may lie closer together than they did.
_FREE = ("file",)


def check_written(program: Program, data: bytes, release: Release) -> None:
    """Compare a program with its file.

    Raises:
        ConversionError: The release reads something else, or nothing, in the file.
    """
    try:
        written = _read(program, data, release)
    except KModelError as error:
        raise ConversionError(
            f"the program makes no kmodel v5 that can be loaded: {error.cause}", error.remedy
        ) from error
    refusals = Refusals(5)
    for one in differences(program, written):
        if one.what not in _FREE:
            change = f"{one.what} {one.a or 'missing'} would become {one.b or 'missing'}"
            refusals.add(one.where, change)
    refusals.raise_if_any()


def _read(program: Program, data: bytes, release: Release) -> Program:
    array = np.frombuffer(data, np.uint8)
    model = container.read(array)
    pools = Pools.of(model)
    return replace(
        program,
        inputs=ports("input", pools.parameters(pools.input, model.entry.inputs)),
        outputs=ports("output", pools.parameters(pools.output, model.entry.outputs)),
        operations=tuple(execute(model, pools, release).done),
        pools=pools.all,
        data=array,
        consumed=model.consumed,
    )
