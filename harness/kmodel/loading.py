"""Files and bytes to programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from harness.errors import KModelError
from harness.kmodel.memory import FLASH_BYTES
from harness.kmodel.program import Program
from harness.kmodel.reader import Bytes, Reader
from harness.kmodel.v3.container import read as read_v3
from harness.kmodel.v4.container import read as read_v4
from harness.kmodel.v5.detect import read as read_v5

IDENTIFIER = int.from_bytes(b"LDMK", "little")

_MARKED: dict[int, Callable[[Bytes], Program]] = {4: read_v4, 5: read_v5}


def load(source: str | Path | bytes | bytearray | memoryview) -> Program:
    """Return the program of a kmodel of version 3, 4 or 5.

    Args:
        source: Path of a file, or its bytes.

    Raises:
        KModelError: It is no kmodel, or breaks a rule of the format.
        OSError: The file cannot be read.
    """
    if isinstance(source, str | Path):
        source = Path(source).read_bytes()
    data = np.frombuffer(source, np.uint8)
    data.flags.writeable = False
    if len(data) > FLASH_BYTES:
        raise KModelError(
            0, "size of the file", f"{len(data)} bytes", f"at most {FLASH_BYTES}, a board's flash"
        )
    if not len(data):
        raise KModelError(0, "the file", "empty", "a kmodel")
    reader = Reader(data)
    first = reader.u32("identifier")
    if first == 3:
        return read_v3(data)
    if first != IDENTIFIER:
        found = data[:4].tobytes()
        reader.fail("identifier", found, "b'LDMK', or 3 for kmodel version 3", 0)
    version = reader.u32("version")
    if version not in _MARKED:
        reader.fail("version", version, "4 or 5", 4)
    return _MARKED[version](data)
