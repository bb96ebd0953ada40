"""The section of constants of a module, `.rdata`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import ConversionError
from harness.kmodel.memory import FLASH_BYTES
from harness.kmodel.v5.writer.parts import aligned, padding_to


class Constants:
    """Values that stand in the file; those that several operations share stand there once."""

    def __init__(self) -> None:
        self.done = bytearray()
        # With the arrays, lest another one comes to lie at the same address.
        self._places: dict[tuple[int, int, int], tuple[int, npt.NDArray[Any]]] = {}

    def add(self, values: npt.NDArray[Any], alignment: int) -> int:
        """Return where values begin in the section.

        Raises:
            ConversionError: The section has outgrown every board.
        """
        values = np.ascontiguousarray(values)
        key = values.__array_interface__["data"][0], values.nbytes, alignment
        if key not in self._places:
            start = aligned(len(self.done), alignment)
            if start + values.nbytes > FLASH_BYTES:
                raise ConversionError(
                    f"constants take more than {FLASH_BYTES} bytes, a board's flash"
                )
            self.done += bytes(start - len(self.done)) + values.tobytes()
            self._places[key] = start, values
        return self._places[key][0]

    def section(self) -> bytes:
        """Return the section, whose size nncase rounds up."""
        return bytes(self.done) + padding_to(len(self.done))
