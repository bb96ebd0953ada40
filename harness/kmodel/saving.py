"""Programs to bytes."""

from __future__ import annotations

from collections.abc import Callable

from harness.errors import ConversionError, KModelError
from harness.kmodel.loading import load
from harness.kmodel.program import Program
from harness.kmodel.v3.writer.container import write as write_v3
from harness.kmodel.v4.writer.container import write as write_v4
from harness.kmodel.v5.writer import write as write_v5

WRITERS: dict[int, Callable[[Program], bytes]] = {3: write_v3, 4: write_v4, 5: write_v5}


def save(program: Program) -> bytes:
    """Return the file of a program, in the version that the program has.

    What is written has been loaded again before it is returned.

    Raises:
        ConversionError: The format cannot express the program, or a K210 could not load it; every
            operation in the way is named.
    """
    data = WRITERS[program.version](program)
    try:
        load(data)
    except KModelError as error:
        raise ConversionError(
            f"the program makes no kmodel v{program.version} that can be loaded: {error}"
        ) from error
    return data
