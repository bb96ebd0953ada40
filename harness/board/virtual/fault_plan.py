"""Faults on demand: which, how often, and where exactly, by a seed.

A place is a number of bytes that passed in one direction, or a number of runs of the KPU, never a
time: so the same seed and the same traffic give the same faults.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, fields
from typing import Literal

from harness.errors import UsageError

Unit = Literal["bytes", "runs"]

LINE_KINDS = ("lose", "garble", "stall", "reset", "unplug", "wedge")
PROGRAM_KINDS = ("kpu", "memory")
KINDS = (*LINE_KINDS, *PROGRAM_KINDS, "full", "any")
# What `any` draws from: all that a run survives without a power hook.
ANY = ("lose", "garble", "stall", "reset", "unplug", "kpu", "memory")
KPU_CODES = range(2001, 2016)


@dataclass(frozen=True)
class Fault:
    """One kind of fault, and when.

    Attributes:
        kind: lose, garble (bytes), stall (the line stands still), reset, unplug (and plugged in
            again under another name), wedge (until a power cycle), kpu (an error of the KPU
            module), memory (out of memory), full (file system), or any of those that a run
            survives.
        seed: Where exactly, and what exactly.
        every: One fault falls into each stretch of so many bytes or runs.
        unit: What is counted.
        after: How many bytes or runs pass before the first stretch.
        most: How many at the most; 0 for no end.
        seconds: How long a stall lasts, or the board is away.
        code: Which error of the KPU module; 0 for one by the seed.
        system: Which file system is full.
        free: How many bytes fit until it is full.
    """

    kind: str
    seed: int = 0
    every: int = 4096
    unit: Unit = "bytes"
    after: int = 0
    most: int = 0
    seconds: float = 1.0
    code: int = 0
    system: str = "sd"
    free: int = 0

    def __str__(self) -> str:
        changed = (
            f"{field.name}={getattr(self, field.name)}"
            for field in fields(self)[1:]
            if getattr(self, field.name) != field.default
        )
        return ":".join(filter(None, (self.kind, ",".join(changed))))


def parse(text: str) -> Fault:
    """Read `KIND[:option=value,…]`, such as `garble:every=2000,seed=7`.

    Raises:
        UsageError: No such kind or option, or a value that is none.
    """
    kind, _, rest = text.partition(":")
    if kind not in KINDS:
        raise UsageError(f"there is no fault {kind!r}", f"there are: {', '.join(KINDS)}")
    types = {field.name: str(field.type) for field in fields(Fault)[1:]}
    given: dict[str, object] = {}
    if kind in PROGRAM_KINDS:
        given["unit"] = "runs"
        given["every"] = 50
    for word in filter(None, rest.split(",")):
        name, _, value = word.partition("=")
        if name not in types:
            raise UsageError(f"fault {kind} has no option {name!r}", f"options: {', '.join(types)}")
        given[name] = _value(name, value, types[name])
    return _checked(Fault(kind, **given))  # type: ignore[arg-type]


def _value(name: str, value: str, kind: str) -> object:
    try:
        return int(value, 0) if kind == "int" else float(value) if kind == "float" else value
    except ValueError as error:
        raise UsageError(f"{name}={value} is no number", "such as seed=7 or seconds=0.5") from error


def _checked(fault: Fault) -> Fault:
    bounds = {
        "every": fault.every >= 1,
        "unit": fault.unit in ("bytes", "runs"),
        "after": fault.after >= 0,
        "most": fault.most >= 0,
        "seconds": 0 <= fault.seconds <= 600,
        "code": fault.code in (0, *KPU_CODES),
        "system": fault.system in ("sd", "flash"),
        "free": fault.free >= 0,
    }
    wrong = [name for name, right in bounds.items() if not right]
    if fault.kind in PROGRAM_KINDS and fault.unit != "runs":
        wrong.append("unit")
    if wrong:
        value = getattr(fault, wrong[0])
        raise UsageError(
            f"fault {fault.kind} cannot have {wrong[0]}={value}",
            "see docs/virtual_board.md, Faults on demand",
        )
    return fault


@dataclass(frozen=True)
class Strike:
    """One fault at its place.

    Attributes:
        fault: What it comes from.
        kind: What happens; one of `ANY` where the fault is any.
        at: The place, counted from 0.
        number: Random number of this strike, for what depends on it.
    """

    fault: Fault
    kind: str
    at: int
    number: int

    @property
    def code(self) -> int:
        """The error of the KPU module."""
        return self.fault.code or KPU_CODES[self.number % len(KPU_CODES)]

    @property
    def mask(self) -> int:
        """What a garbled byte is changed by; never 0."""
        return 1 + self.number % 255


class Schedule:
    """The strikes of a fault in one count, in order.

    Args:
        fault: What.
        stream: Which count, such as "in" or "runs": each has its own places.
    """

    def __init__(self, fault: Fault, stream: str) -> None:
        self._fault = fault
        self._random = random.Random(f"{fault.seed} {fault.kind} {stream}")
        self._stretch = 0
        self._next = self._draw()

    def due(self, start: int, stop: int) -> list[Strike]:
        """Return the strikes from `start` up to `stop`, each once; places only grow."""
        found = []
        while self._next is not None and self._next.at < stop:
            if self._next.at >= start:
                found.append(self._next)
            self._next = self._draw()
        return found

    def _draw(self) -> Strike | None:
        if self._fault.most and self._stretch >= self._fault.most:
            return None
        at = self._fault.after + self._stretch * self._fault.every
        at += self._random.randrange(self._fault.every)
        number = self._random.getrandbits(32)
        kind = ANY[number % len(ANY)] if self._fault.kind == "any" else self._fault.kind
        self._stretch += 1
        return Strike(self._fault, kind, at, number >> 3)
