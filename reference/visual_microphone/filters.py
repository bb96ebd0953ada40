"""What is done to a recovered sound: scaling, high-pass, spectral subtraction."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import signal

from harness.errors import MethodError

Sound = npt.NDArray[np.float64]
Spectrum = npt.NDArray[np.complex128]

ORDER = 3
# Samples of a window of the spectral subtraction, of which each overlaps the next by 3/4.
WINDOW = 128


def scaled(sound: Sound) -> Sound:
    """Return a sound [T] that spans −1 to 1; silence stays silence."""
    low, high = sound.min(), sound.max()
    if not high > low:
        return np.zeros_like(sound)
    return np.asarray((2 * sound - (high + low)) / (high - low))


def high_pass(sound: Sound, rate: float, cutoff: float) -> Sound:
    """Return a sound [..., T] without what is below a frequency: drift, and the camera's motion.

    Butterworth of third order, once forwards and once backwards, so that nothing is delayed. A
    straight line through the ends is taken off first: it would ring at both.

    Args:
        sound: [..., T].
        rate: Samples a second.
        cutoff: Hz; 0 takes off the line only.

    Raises:
        MethodError: The cutoff is not below half of the rate.
    """
    flat = signal.detrend(sound, axis=-1)
    if cutoff == 0:
        return np.asarray(flat)
    check_cutoff(cutoff, rate)
    sections = signal.butter(ORDER, cutoff, "high", output="sos", fs=rate)
    # filtfilt's own padding, where the sound is long enough for it.
    pad = min(3 * (2 * len(sections) + 1), sound.shape[-1] - 1)
    return np.asarray(signal.sosfiltfilt(sections, flat, axis=-1, padlen=pad))


def check_cutoff(cutoff: float, rate: float) -> None:
    """Make sure that something is left.

    Raises:
        MethodError: The cutoff is not below half of the rate.
    """
    if not cutoff < rate / 2:
        raise MethodError(
            f"a sound of {rate:g} samples a second has nothing above a cutoff of {cutoff:g} Hz",
            "give a lower one with --set cutoff=HZ",
        )


def subtracted(spectrum: Spectrum, quantile: float = 0.5) -> Spectrum:
    """Return an STFT [F, frames] less each frequency's floor, in power; phases stay.

    Args:
        spectrum: The STFT.
        quantile: Which quantile of a frequency's power over time is its floor.
    """
    power = np.abs(spectrum) ** 2
    floor = np.quantile(power, quantile, axis=-1, keepdims=True)
    kept = np.sqrt(np.maximum(power - floor, 0) / np.where(power > 0, power, 1))
    return np.asarray(spectrum * kept)


def spectral_subtraction(sound: Sound, quantile: float = 0.5, window: int = WINDOW) -> Sound:
    """Return a sound [T] without its steady noise.

    What sounds all of the time is taken for noise, too.
    """
    window = min(window, len(sound))
    options = {"nperseg": window, "noverlap": window * 3 // 4}
    _, _, spectrum = signal.stft(sound, **options)
    _, cleaned = signal.istft(subtracted(spectrum, quantile), **options)
    return np.asarray(np.pad(cleaned, (0, max(0, len(sound) - len(cleaned))))[: len(sound)])
