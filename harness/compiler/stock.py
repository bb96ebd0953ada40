"""A compiled model in a version that stock firmware loads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.compiler.contract import stock_file
from harness.convert import convert
from harness.errors import HarnessError
from harness.kmodel import load, save
from harness.kmodel.firmware import Firmware


@dataclass(frozen=True)
class StockModel:
    """The same model for stock firmware, or why there is none.

    Attributes:
        version: Version of the file.
        data: The file; None if the model cannot be converted.
        refusal: Why not; empty if there is a file.
    """

    version: Literal[3, 4]
    data: bytes | None
    refusal: str = ""

    @property
    def file(self) -> str:
        """Name of the file."""
        return stock_file(self.version)

    @property
    def line(self) -> str:
        """What there is, in one line."""
        if self.data is None:
            return f"no kmodel v{self.version} for stock firmware: {self.refusal}"
        return f"for stock firmware: {self.file}, {len(self.data) / 1024:.0f} KB, the same bits"


def stock_model(kmodel: bytes, firmware: Firmware | None = None) -> StockModel:
    """Convert a kmodel.

    Args:
        kmodel: kmodel v5.
        firmware: What it has to run on; None for any stock firmware that loads v4, whatever its
            memory.

    Raises:
        HarnessError: It cannot be converted for the firmware that was asked for.
    """
    version = firmware.versions[-1] if firmware else 4
    try:
        return StockModel(version, save(convert(load(kmodel), version, firmware).program))
    except HarnessError as error:
        if firmware is not None:
            raise
        return StockModel(version, None, str(error))
