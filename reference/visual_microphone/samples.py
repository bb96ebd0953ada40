"""A rendered video of a trembling texture, for `--data`: a chirp, or a spoken phrase.

python -m reference.visual_microphone.samples mine/chips.mkv --frames 512
"""

from __future__ import annotations

import argparse
from pathlib import Path

from reference.visual_microphone.data import RATE
from reference.visual_microphone.scenes import (
    chirp,
    filmed,
    speech_like,
    texture,
    to_bytes,
    vibrating,
)
from reference.visual_microphone.speech import PHRASE, spoken
from reference.visual_microphone.video import write_video

SOUNDS = ("chirp", "syllables", "speech")


def write_sample(
    file: Path, frames: int, rate: int = int(RATE), sound: str = "chirp", side: int = 96
) -> None:
    """Write a video of `frames` frames in which a texture moves by 0.1 pixels at most.

    Raises:
        SetupError: PyAV is missing, or for speech the synthesiser.
    """
    if sound == "speech":
        played = spoken(rate, PHRASE)[:frames]
    elif sound == "syllables":
        played = speech_like(frames, rate, 10)
    else:
        played = chirp(frames, rate)
    moved = vibrating(texture(side, side, 10), 0.1 * played)
    write_video(file, to_bytes(filmed(moved, 0.01, 10)), rate)


def main() -> None:
    """Write the video that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--frames", type=int, default=512)
    parser.add_argument("--rate", type=int, default=int(RATE))
    parser.add_argument("--sound", choices=SOUNDS, default=SOUNDS[0])
    asked = parser.parse_args()
    write_sample(asked.file, asked.frames, asked.rate, asked.sound)


if __name__ == "__main__":
    main()
