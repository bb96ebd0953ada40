"""The recovery ladder as a state machine: gentle rungs first, each bounded in time, then the end.

    SILENT ──step──▶ CLIMBING ──a rung helps──▶ RECOVERED
                        │  ▲
                        └──┘ a rung fails, or is not there; after the last: EXHAUSTED

It knows nothing of boards and lines, and takes its clock from outside.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol

from harness.errors import BoardError

Result = Literal["helped", "failed", "absent"]
Clock = Callable[[], float]


class State(Enum):
    """Where a climb is."""

    SILENT = "silent"
    CLIMBING = "climbing"
    RECOVERED = "recovered"
    EXHAUSTED = "exhausted"


class Rung(Protocol):
    """One way to bring a board back."""

    @property
    def name(self) -> str:
        """What the log calls it."""

    @property
    def seconds(self) -> float:
        """How long it may take, the look whether it helped included."""

    def climb(self) -> Result:
        """Try it: whether the board answers now, or that there is no such way here.

        Raises:
            BoardError: It went wrong, which counts as failed.
        """


@dataclass(frozen=True)
class Step:
    """What became of a rung.

    Attributes:
        rung: Its name.
        result: Whether it helped.
        seconds: How long it took.
        said: Why it failed, where it said so.
    """

    rung: str
    result: Result
    seconds: float
    said: str = ""


class Ladder:
    """A climb, from the first rung on.

    Args:
        rungs: From gentle to rough.
        clock: Seconds that only grow.
        on_step: Who hears of each step.

    Attributes:
        state: Where it is.
        steps: What was tried.
    """

    def __init__(
        self,
        rungs: Sequence[Rung],
        clock: Clock = time.monotonic,
        on_step: Callable[[Step], None] | None = None,
    ) -> None:
        self._rungs, self._clock, self._on_step = tuple(rungs), clock, on_step
        self.state = State.SILENT
        self.steps: list[Step] = []

    @property
    def limit(self) -> float:
        """The longest that the whole climb may take, in seconds."""
        return sum(rung.seconds for rung in self._rungs)

    @property
    def helped(self) -> str | None:
        """Name of the rung that helped."""
        return self.steps[-1].rung if self.state is State.RECOVERED else None

    def step(self) -> State:
        """Try the next rung; at the end nothing is done."""
        if self.state in (State.RECOVERED, State.EXHAUSTED):
            return self.state
        if len(self.steps) < len(self._rungs):
            self._try(self._rungs[len(self.steps)])
        helped = bool(self.steps) and self.steps[-1].result == "helped"
        if helped:
            self.state = State.RECOVERED
        else:
            more = len(self.steps) < len(self._rungs)
            self.state = State.CLIMBING if more else State.EXHAUSTED
        return self.state

    def climb(self) -> State:
        """Try rung after rung to the end, and return which end it was."""
        while self.step() is State.CLIMBING:
            pass
        return self.state

    def _try(self, rung: Rung) -> None:
        started, said = self._clock(), ""
        try:
            result = rung.climb()
        except BoardError as error:
            result, said = "failed", error.cause
        self.steps.append(Step(rung.name, result, self._clock() - started, said))
        if self._on_step:
            self._on_step(self.steps[-1])
