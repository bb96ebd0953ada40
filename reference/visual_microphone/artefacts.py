"""What a user gets beside the report: the sound of the video, and its spectrogram."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from harness.files import write_bytes
from reference.visual_microphone.data import Footage
from reference.visual_microphone.filters import Sound, high_pass, scaled, spectral_subtraction
from reference.visual_microphone.plots import spectrogram_png
from reference.visual_microphone.recovery import CUTOFF_HZ, recover
from reference.visual_microphone.rolling_shutter import recover_rows
from reference.visual_microphone.settings import Settings

SOUND, DENOISED, SPECTROGRAM = "recovered.wav", "denoised.wav", "spectrogram.png"
TRUE = "true.wav"


def write_artefacts(footage: Footage, settings: Settings, out: Path) -> dict[str, str]:
    """Write the sound as the steerable pyramid hears it, over the whole of each frame.

    Args:
        footage: The video.
        settings: How it is listened to.
        out: Folder to write into.

    Returns:
        A short description → file name below `out`.
    """
    sound, rate = heard(footage, settings)
    sounds = {"recovered": sound, "denoised": spectral_subtraction(sound)}
    files = {"recovered": SOUND, "denoised": DENOISED}
    if footage.true is not None:
        sounds = {"true": high_pass(footage.true, footage.rate, footage.cutoff(settings)), **sounds}
        files["true"] = TRUE
    for name, values in sounds.items():
        write_bytes(out / files[name], wav_bytes(values, rate))
    write_bytes(out / SPECTROGRAM, spectrogram_png(sounds, rate))
    heard_of = f"the first {settings.most} frames" if len(sound) == settings.most else "the video"
    return {
        f"sound of {heard_of}, by the steerable pyramid": SOUND,
        "the same less its steady noise": DENOISED,
        "spectrograms of both": SPECTROGRAM,
    } | ({"the sound that the scene moves with": TRUE} if footage.true is not None else {})


def heard(footage: Footage, settings: Settings) -> tuple[Sound, float]:
    """Return the sound of the whole video, [T], and its rate.

    Raises:
        DataError: The rows of a rolling shutter take longer than a frame.
    """
    parts = footage.parts(settings.most)
    shutter = footage.shutter(settings)
    if shutter is not None:
        return recover_rows(parts, shutter, settings.cutoff or CUTOFF_HZ), shutter.rate
    bands = settings.scales, settings.orientations
    found = recover(parts, footage.rate, *bands, footage.cutoff(settings))
    return found.sound, found.rate


def wav_bytes(sound: Sound, rate: float) -> bytes:
    """Return a WAV file of 16 bits, as loud as it can be."""
    buffer = io.BytesIO()
    wavfile.write(buffer, max(1, round(rate)), np.round(scaled(sound) * 32767).astype(np.int16))
    return buffer.getvalue()
