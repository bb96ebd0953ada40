"""Kmodels of versions 3, 4 and 5 as one kind of program."""

from __future__ import annotations

from harness.errors import KModelError
from harness.kmodel.loading import load
from harness.kmodel.memory import Buffer, DType, Layout, Memory, Pool
from harness.kmodel.program import Port, Program
from harness.kmodel.saving import save

__all__ = [
    "Buffer",
    "DType",
    "KModelError",
    "Layout",
    "Memory",
    "Pool",
    "Port",
    "Program",
    "load",
    "save",
]
