"""The troubles of a virtual board: strikes its faults at their places, and keeps a log of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from harness.board.kpu_errors import TABLE
from harness.board.virtual.fault_plan import Fault, Schedule, Strike
from harness.board.virtual.faults import BoardFault, HardReset

Direction = Literal["in", "out"]
Call = Callable[..., Any]

_LINE_STREAMS = ("in", "out")
# Bytes after a run of the KPU among which one is lost or garbled: inside the answer.
_NEAR = 64


class Line(Protocol):
    """What troubles do to the line."""

    wedged: bool

    def unplug(self, seconds: float) -> None:
        """Take the port away, and give another after a while."""

    def write(self, data: bytes) -> None:
        """Send bytes."""


class Troubles:
    """Faults of one board.

    Args:
        faults: Which.
        log: File that takes a line of JSON for each strike; None for none.

    Attributes:
        line: The line.
        restart: What resets the board.
    """

    def __init__(self, faults: Sequence[Fault], log: Path | None = None) -> None:
        self._log = log
        self._by_bytes = {
            stream: [Schedule(one, stream) for one in faults if _counts(one, stream)]
            for stream in _LINE_STREAMS
        }
        self._by_runs = [Schedule(one, "runs") for one in faults if _counts(one, "runs")]
        self._passed = dict.fromkeys(_LINE_STREAMS, 0)
        self._planted: dict[int, Strike] = {}
        self._runs = self._struck = 0
        self.line: Line | None = None
        self.restart: Callable[[], None] = lambda: None

    def passing(self, direction: Direction, data: bytes) -> bytes:
        """Return what becomes of bytes on the line."""
        if not self._by_bytes[direction] and not self._planted:
            self._passed[direction] += len(data)
            return data
        start = self._passed[direction]
        self._passed[direction] = stop = start + len(data)
        strikes = [strike for plan in self._by_bytes[direction] for strike in plan.due(start, stop)]
        if direction == "out":
            planted = [at for at in self._planted if at < stop]
            strikes += [self._moved(self._planted.pop(at), at) for at in planted]
        return self._damaged(direction, data, start, strikes)

    def around(self, calls: Mapping[str, Call]) -> dict[str, Call]:
        """Return the board's calls with what may go wrong in them."""
        found = dict(calls)
        for name in ("kpu_run_picture", "kpu_run_floats", "kpu_run_file"):
            if name in found:
                found[name] = self._around_run(found[name])
        return found

    def note(self, what: str, kind: str, unit: str, at: int) -> None:
        """Write a strike to the log."""
        self._struck += 1
        if self._log:
            line = {"number": self._struck, "kind": kind, "unit": unit, "at": at, "what": what}
            with self._log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def _damaged(
        self, direction: Direction, data: bytes, start: int, strikes: list[Strike]
    ) -> bytes:
        bytes_left: list[int | None] = list(data)
        for strike in sorted(strikes, key=lambda one: one.at):
            at = min(max(strike.at - start, 0), len(data) - 1)
            byte = bytes_left[at]
            if strike.kind == "lose" and byte is not None:
                bytes_left[at] = None
                self.note(f"byte {byte:#04x} lost", "lose", direction, strike.at)
            elif strike.kind == "garble" and byte is not None:
                bytes_left[at] = byte ^ strike.mask
                self.note(
                    f"byte {byte:#04x} became {byte ^ strike.mask:#04x}",
                    "garble",
                    direction,
                    strike.at,
                )
            elif strike.kind not in ("lose", "garble"):
                self._strike(strike, direction)
        return bytes(byte for byte in bytes_left if byte is not None)

    def _strike(self, strike: Strike, unit: str) -> None:
        """Do what is not done to bytes."""
        seconds = strike.fault.seconds
        said = {
            "stall": f"the line stood still for {seconds:g} s",
            "reset": "the chip was reset",
            "unplug": f"the cable was out for {seconds:g} s",
            "wedge": "nothing reacts until a power cycle",
        }
        if strike.kind not in said:
            return  # what befalls programs does not befall a line
        self.note(said[strike.kind], strike.kind, unit, strike.at)
        assert self.line
        if strike.kind == "stall":
            time.sleep(seconds)
        elif strike.kind == "unplug":
            self.line.unplug(seconds)
            self.restart()
        elif strike.kind == "wedge":
            self.line.wedged = True
        else:
            self.restart()

    def _around_run(self, call: Call) -> Call:
        def run(*arguments: Any) -> Any:  # noqa: ANN401  whatever the call has
            at, self._runs = self._runs, self._runs + 1
            for strike in (one for plan in self._by_runs for one in plan.due(at, at + 1)):
                self._strike_run(strike)
            return call(*arguments)

        return run

    def _strike_run(self, strike: Strike) -> None:
        if strike.kind in ("lose", "garble"):
            self._planted[self._passed["out"] + strike.number % _NEAR] = strike
        elif strike.kind == "kpu":
            error = TABLE[strike.code]
            self.note(f"KPU error {error.code}", "kpu", "runs", strike.at)
            raise BoardFault("OSError", error.name)
        elif strike.kind == "memory":
            self.note("out of memory", "memory", "runs", strike.at)
            assert self.line
            self.line.write(b"E (1000000) SYSCALL: Out of memory\r\n")
            raise BoardFault("MemoryError", "memory allocation failed, allocating 65536 bytes")
        else:
            self._strike(strike, "runs")
            if strike.kind in ("reset", "unplug"):
                raise HardReset

    def _moved(self, strike: Strike, at: int) -> Strike:
        return Strike(strike.fault, strike.kind, at, strike.number)


def _counts(fault: Fault, stream: str) -> bool:
    """Whether a fault has places in a stream: bytes are damaged both ways, the rest counts once."""
    if fault.kind == "full":
        return False
    if fault.unit == "runs":
        return stream == "runs"
    return stream == "out" or (stream == "in" and fault.kind in ("lose", "garble"))
