"""Options: names, defaults, limits, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from reference.options import Options, between, option
from reference.visual_microphone.structure import SIDE

NAME = "visual_microphone"


@dataclass(frozen=True)
class Settings(Options):
    """How a video is listened to; the help of each option says what it is."""

    METHOD: ClassVar[str] = NAME

    rate: float = option(0.0, between(0, 1e6), "frames a second; 0: as the file says")
    cutoff: float = option(0.0, between(0, 1e5), "of the high-pass, Hz; 0: a 40th of the rate")
    scales: int = option(1, between(1, 8), "octaves of the pyramid, the finest first")
    orientations: int = option(2, between(2, 16), "bands an octave")
    line_delay: float = option(0.0, between(0, 1e5), "rolling shutter: µs from row to row")
    size: int = option(SIDE, between(8, 240), "side of the middle part that the K210 sees")
    frames: int = option(256, between(32, 100_000), "most frames that backends are compared on")
    most: int = option(10_000, between(32, 10_000_000), "most frames that are listened to")
    motion: float = option(0.1, between(0, 4), "of the rendered scene, in pixels")
    noise: float = option(0.01, between(0, 1), "of the rendered scene, in full scale")
