"""Boards and what bounds a camera loop on them.

A picture costs two periods of the sensor at the least: MaixPy's `sensor.snapshot()` waits for the
next frame to begin, and takes it whole. Loops that do nothing else run at 10 frames a second with
the sensor at 12 MHz and at 20 with 24 MHz (ossan-engineer.blogspot.com, 2021-08; the frequencies
stand in MaixPy's `config_defaults.mk`). While the model runs, one of the two periods goes by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import UsageError
from harness.timing.fitting import Clocks

# Sensor clocks a frame: fitted to published loops, see `harness.timing.published.loops`.
FRAME_CLOCKS = 562_900
# `lcd.init(freq=15000000)` is MaixPy's default: a byte a clock, two bytes a pixel.
DISPLAY_BYTES_PER_S = 15e6
PIXEL_BYTES = 2


@dataclass(frozen=True)
class Board:
    """A board under its stock firmware.

    Attributes:
        name: What `--board` takes.
        title: As people call it.
        sensor_hz: Clock that the firmware gives the camera.
        display: Pixels of the display; (0, 0) without one.
        clocks: As the firmware sets them.
    """

    name: str
    title: str
    sensor_hz: float
    display: tuple[int, int]
    clocks: Clocks = Clocks()  # noqa: RUF009  frozen

    @property
    def frame_ms(self) -> float:
        """Period of the sensor."""
        return FRAME_CLOCKS / self.sensor_hz * 1e3

    @property
    def display_ms(self) -> float:
        """Time to show a picture as large as the display."""
        width, height = self.display
        return width * height * PIXEL_BYTES / DISPLAY_BYTES_PER_S * 1e3

    def loop_ms(self, inference_ms: float) -> float:
        """Return how long one round of picture, inference and display takes."""
        work = inference_ms + self.display_ms
        return self.frame_ms + max(self.frame_ms, work)


# Clocks as the firmware prints them at its start.
_M5 = Clocks(cpu_hz=416e6, kpu_hz=398_666_666)
_MAIX = Clocks(cpu_hz=403e6, kpu_hz=398_666_666)
BOARDS: Mapping[str, Board] = {
    board.name: board
    for board in (
        Board("maix-bit", "Maix Bit", 24e6, (320, 240), _MAIX),
        Board("maix-go", "Maix Go", 24e6, (320, 240), _MAIX),
        Board("m5stickv", "M5StickV", 12e6, (240, 135), _M5),
        Board("unitv", "UnitV", 12e6, (0, 0), _M5),
        Board("canmv-k210", "CanMV K210", 24e6, (320, 240), _MAIX),
    )
}
DEFAULT = "maix-bit"


def board_named(name: str) -> Board:
    """Return a board.

    Raises:
        UsageError: There is none of that name.
    """
    if name not in BOARDS:
        raise UsageError(f"there is no board {name!r}", f"choose from: {', '.join(BOARDS)}")
    return BOARDS[name]


def board_titled(title: str) -> Board:
    """Return a board by what people call it; the default where it is not known."""
    return next((one for one in BOARDS.values() if one.title == title), BOARDS[DEFAULT])
