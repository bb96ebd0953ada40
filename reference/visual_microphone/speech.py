"""A spoken phrase, where the speech synthesiser eSpeak NG is installed."""

from __future__ import annotations

import io
import shutil
import subprocess
from fractions import Fraction

import numpy as np
from scipy import signal
from scipy.io import wavfile

from harness.errors import SetupError
from reference.visual_microphone.filters import Sound

PROGRAM = "espeak-ng"
PHRASE = "The quick brown fox jumps over the lazy dog"
TIME_LIMIT_S = 30


def can_speak() -> bool:
    """Return whether the synthesiser is installed."""
    return shutil.which(PROGRAM) is not None


def spoken(rate: float, phrase: str = PHRASE) -> Sound:
    """Return a phrase, [T], as loud as −1 to 1 allows, at so many samples a second.

    Raises:
        SetupError: The synthesiser is not installed, or says nothing.
    """
    if not can_speak():
        raise SetupError(f"{PROGRAM} is not installed", f"install it: apt install {PROGRAM}")
    command = [PROGRAM, "-v", "en", "--stdout", phrase]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIME_LIMIT_S, check=True)
        # It writes to a pipe, and cannot go back to say how long the file has become.
        had, samples = wavfile.read(io.BytesIO(_of_known_length(done.stdout)))
    except (subprocess.SubprocessError, ValueError) as error:
        raise SetupError(f"{PROGRAM} does not speak: {error}", "try it in a terminal") from error
    ratio = Fraction(rate / had).limit_denominator(50_000)
    values = samples.astype(np.float64)
    found = signal.resample_poly(values, ratio.numerator, ratio.denominator)
    return np.asarray(found / np.abs(found).max())


def _of_known_length(wave: bytes) -> bytes:
    """Return a WAV file of a 44-byte header whose two lengths are those of its data."""
    data = wave[44:]
    sizes = ((4, 36 + len(data)), (40, len(data)))
    header = bytearray(wave[:44])
    for place, size in sizes:
        header[place : place + 4] = size.to_bytes(4, "little")
    return bytes(header) + data
