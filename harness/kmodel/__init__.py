"""Kmodels of versions 3, 4 and 5 as one kind of program."""

from __future__ import annotations

from harness.kmodel.memory import Buffer, DType, Layout, Memory, Pool
from harness.kmodel.program import Port, Program

__all__ = ["Buffer", "DType", "Layout", "Memory", "Pool", "Port", "Program"]
