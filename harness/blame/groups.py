"""Operations that come from one node of the float model, as one line: a normalisation has sixty."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Protocol, TypeVar

# Fewer stand by themselves.
LEAST = 3


class _Error(Protocol):
    @property
    def snr_db(self) -> float | None: ...


class _Row(Protocol):
    @property
    def unit(self) -> str: ...

    @property
    def module(self) -> str: ...

    @property
    def node(self) -> str: ...


Row = TypeVar("Row", bound=_Row)
Error = TypeVar("Error", bound=_Error)
Column = TypeVar("Column", bound=str)


def grouped(rows: Sequence[Row], single: Callable[[Row], bool]) -> list[list[Row]]:
    """Return rows in their order; neighbours on the CPU that stand for the same nodes, together.

    Args:
        rows: Layers in running order.
        single: Says which ones stand by themselves.
    """

    def key(row: Row) -> tuple[str, ...]:
        alike = row.unit == "CPU" and row.node and not single(row)
        return (row.module, row.node) if alike else (str(id(row)),)

    found: list[list[Row]] = []
    for _, some in groupby(rows, key):
        together = list(some)
        found += [together] if len(together) >= LEAST else [[row] for row in together]
    return found


def worst(errors: Sequence[Mapping[Column, Error]]) -> dict[Column, Error]:
    """Return the worst error of each column; NaN is worse than any."""
    found: dict[Column, Error] = {}
    for one in errors:
        for column, error in one.items():
            if column not in found or _rank(error) < _rank(found[column]):
                found[column] = error
    return found


def _rank(error: _Error) -> tuple[bool, float]:
    value = math.inf if error.snr_db is None else error.snr_db
    return not math.isnan(value), value


def span(first: str, last: str) -> str:
    """Return a name for the operations from one to another, such as `05_reduce to 65_binary`."""
    return f"{first} to {last}"
