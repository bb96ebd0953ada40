"""Published frame rates of whole camera loops: picture, inference, display."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import exp, log

from harness.timing.boards import BOARDS, Board
from harness.timing.costs import total
from harness.timing.fitting import cost_ms
from harness.timing.prices import Price
from harness.timing.published import networks
from harness.timing.steps import Network

SOURCES = {
    "ossan": "ossan-engineer.blogspot.com/2021/08",
    "aXeleRate 4": "github.com/AIWintermuteAI/aXeleRate/issues/4",
    "MaixPy 242": "github.com/sipeed/MaixPy-v1/issues/242",
}


@dataclass(frozen=True)
class Loop:
    """One published frame rate.

    Attributes:
        source: A key of `SOURCES`.
        label: What ran.
        board: On what.
        network: The model; None for camera alone.
        fps: Frames a second.
        shown: Whether the pictures were displayed.
    """

    source: str
    label: str
    board: Board
    network: Network | None
    fps: float
    shown: bool = True

    def work_ms(self, prices: Mapping[str, Price]) -> float:
        """Return the time of inference and display."""
        display = self.board.display_ms if self.shown else 0.0
        if self.network is None:
            return display
        return display + cost_ms(total(self.network), prices, self.board.clocks)


def loops() -> tuple[Loop, ...]:
    """Return all loops."""
    slow, fast, go = BOARDS["unitv"], replace(BOARDS["unitv"], sensor_hz=24e6), BOARDS["maix-go"]
    yolo = networks.with_region_layer(networks.listed("yolo20_v3"))
    return (
        Loop("ossan", "camera alone, sensor at 12 MHz", slow, None, 10.0, shown=False),
        Loop("ossan", "camera alone, sensor at 24 MHz", fast, None, 20.0, shown=False),
        Loop("aXeleRate 4", "20 classes YOLO, v3, Maix Go", go, yolo, 19.5),
        Loop("MaixPy 242", "person detector, v4", go, networks.person_detector(), 13.29),
    )


def frame_clocks(seen: tuple[Loop, ...], prices: Mapping[str, Price]) -> float:
    """Return the sensor clocks a frame that loops tell, as the mean of logarithms."""
    told = [log(_frame_ms(loop, prices) / 1e3 * loop.board.sensor_hz) for loop in seen]
    return exp(sum(told) / len(told))


def predicted_ms(loop: Loop, clocks: float, prices: Mapping[str, Price]) -> float:
    """Return the time of one round, with `clocks` sensor clocks a frame."""
    frame = clocks / loop.board.sensor_hz * 1e3
    return frame + max(frame, loop.work_ms(prices))


def _frame_ms(loop: Loop, prices: Mapping[str, Price]) -> float:
    """Return the period of the sensor with which `predicted_ms` would be what was published."""
    whole, work = 1000 / loop.fps, loop.work_ms(prices)
    return whole / 2 if work <= whole / 2 else whole - work
