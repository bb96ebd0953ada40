"""What is listened to: a rendered scene whose sound is known, or a user's video."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import DataError
from harness.method import InputContract
from reference.visual_microphone.filters import Sound, check_cutoff
from reference.visual_microphone.rolling_shutter import Shutter
from reference.visual_microphone.scenes import chirp, filmed, texture, to_bytes, vibrating
from reference.visual_microphone.settings import Settings
from reference.visual_microphone.structure import FEWEST_FRAMES, RANGE
from reference.visual_microphone.video import Video, find_video

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.method import Images

# Of rendered scenes, and of pictures that say none: that of the paper's films of speech.
RATE = 2200.0
# Of the rate, below which there is drift rather than sound: 55 Hz for that of the paper.
CUTOFF_SHARE = 40
CALIBRATION_FRAMES = 32
# The scenes that filters are fitted to and quantisation looks at, and the one that is heard.
FITTED_SEED, HEARD_SEED = 100, 0


@dataclass(frozen=True)
class Footage:
    """Frames, and what is known of them.

    Attributes:
        name: Where they are from.
        frames: uint8 [T, H, W], what backends are compared on.
        other: uint8 [M, H, W], what filters are fitted to and quantisation looks at.
        rate: Frames a second.
        true: [T], the sound, where it is known.
        video: The whole of it, where it came from a file.
        warnings: Remarks, one line each.
    """

    name: str
    frames: Images
    other: Images
    rate: float
    true: Sound | None = None
    video: Video | None = None
    warnings: tuple[str, ...] = ()

    def parts(self, most: int) -> Iterator[Images]:
        """Yield all frames in their own size, up to `most`, in parts [n, H, W]."""
        return iter([self.frames[:most]]) if self.video is None else self.video.parts(most)

    def cutoff(self, settings: Settings) -> float:
        """Return the cutoff of the high-pass in Hz, for one sample a frame."""
        # What was asked for is for the rows, where these are samples of their own.
        asked = 0.0 if settings.line_delay else settings.cutoff
        return asked or self.rate / CUTOFF_SHARE

    def shutter(self, settings: Settings) -> Shutter | None:
        """Return the rolling shutter that was asked for, if one was.

        Raises:
            DataError: Its rows take longer than a frame.
        """
        if not settings.line_delay:
            return None
        rows = next(self.parts(1)).shape[1]
        return Shutter(self.rate, settings.line_delay * 1e-6, rows)

    def fingerprint(self) -> str:
        """Return a hash of the frames that filters are fitted to."""
        return hashlib.sha256(f"{self.other.shape}".encode() + self.other.tobytes()).hexdigest()


def contract(settings: Settings) -> InputContract:
    """Return what the filters eat; a picture is never scaled, as motion would be with it."""
    return InputContract(shape=(1, settings.size, settings.size), color="GRAY", range=RANGE)


def load(data: Path | None, settings: Settings, seed: int = 0) -> Footage:
    """Return a user's video, or the rendered scene of a seed.

    Raises:
        DataError: There is no video, or it is too short, too small or of one grey; the rows of a
            rolling shutter take longer than a frame.
        MethodError: The cutoff is beyond what the rate can hold.
    """
    footage = rendered(settings, HEARD_SEED + seed) if data is None else read(data, settings)
    footage.shutter(settings)
    check_cutoff(footage.cutoff(settings), footage.rate)
    return footage


def rendered(settings: Settings, seed: int = HEARD_SEED) -> Footage:
    """Return a texture that a chirp moves, as bytes; another one is for calibration."""
    rate = settings.rate or RATE
    sound = chirp(settings.frames, rate)
    return Footage(
        name=f"rendered scene {seed}",
        frames=_film(settings, sound, seed),
        other=_film(settings, sound[:CALIBRATION_FRAMES], FITTED_SEED + seed),
        rate=rate,
        true=sound,
    )


def read(data: Path, settings: Settings) -> Footage:
    """Return the middle of a user's video.

    Raises:
        DataError: There is no video, or it is too short, too small or of one grey.
    """
    video = find_video(data)
    whole = video.head(settings.frames + CALIBRATION_FRAMES)
    frames = middle(whole, settings.size, video.path)
    if not frames[0].std() > 0:
        raise DataError(
            f"{video.path} shows one single grey, on which no motion is to be seen",
            "film something with a pattern",
        )
    count = max(FEWEST_FRAMES, len(frames) - CALIBRATION_FRAMES)
    rate, warnings = _rate(video, settings)
    other = frames[count:]
    if len(other) < CALIBRATION_FRAMES // 2:
        other = frames[:: max(1, len(frames) // CALIBRATION_FRAMES)]
        warnings = (*warnings, "the video is so short that it is calibrated on, too")
    return Footage(video.path.name, frames[:count], other, rate, None, video, warnings)


def middle(frames: Images, side: int, name: object = "the video") -> Images:
    """Return the middle of frames [T, H, W] as they are: [T, side, side].

    Raises:
        DataError: They are smaller.
    """
    height, width = frames.shape[1:]
    if min(height, width) < side:
        raise DataError(
            f"{name} is {width} x {height} pixels, and the K210's part {side} x {side}",
            f"make that smaller, such as --set size={min(height, width) // 8 * 8}",
        )
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(frames[:, top : top + side, left : left + side])


def _rate(video: Video, settings: Settings) -> tuple[float, tuple[str, ...]]:
    found = settings.rate or video.rate()
    if found:
        return found, ()
    return RATE, (f"taken for {RATE:g} frames a second: say how many with --set rate=FPS",)


def _film(settings: Settings, sound: Sound, seed: int) -> Images:
    picture = texture(settings.size, settings.size, seed)
    moved = vibrating(picture, settings.motion * sound)
    return to_bytes(filmed(moved, settings.noise, seed))
