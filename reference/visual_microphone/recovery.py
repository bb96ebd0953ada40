"""From frames to sound: the whole method in one call."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.errors import MethodError
from reference.visual_microphone.alignment import Alignment, aligned_sum
from reference.visual_microphone.filters import Sound, high_pass
from reference.visual_microphone.motion import pooled
from reference.visual_microphone.pyramid import SteerablePyramid, most_scales

Frames = npt.NDArray[np.floating] | npt.NDArray[np.uint8]

# Frames that are looked at together: what is made of them stays in a processor's cache.
CHUNK = 16
CUTOFF_HZ = 55.0
# Samples. Bands of one camera are in step already; one that shows noise only would go anywhere.
LARGEST_LAG = 8


@dataclass(frozen=True)
class Recovered:
    """What was heard.

    Attributes:
        sound: [T], high-passed, in radians of mean phase; its sign has no meaning.
        bands: [B, T], what each band gave before it was aligned.
        alignments: How each band was brought into step.
        rate: Samples a second.
    """

    sound: Sound
    bands: Sound
    alignments: tuple[Alignment, ...]
    rate: float


def recover(
    frames: Frames | Iterable[Frames],
    rate: float,
    scales: int = 1,
    orientations: int = 2,
    cutoff: float = CUTOFF_HZ,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Recovered:
    """Return the sound of grey frames, by the complex steerable pyramid.

    Args:
        frames: [T, H, W], bytes or floats of any range, or such parts of a video one after the
            other; the first frame is what motion is told from.
        rate: Frames a second, which is the sound's rate too.
        scales: Octaves of the pyramid, the finest first.
        orientations: Bands a scale.
        cutoff: Of the high-pass in Hz.
        device: PyTorch device name.
        dtype: What is computed in.

    Raises:
        MethodError: The cutoff is beyond what the rate can hold, or the frames have no room for
            so many scales.
    """
    parts = chunks(frames)
    first = next(parts)
    size = first.shape[1], first.shape[2]
    if scales > most_scales(*size):
        raise MethodError(
            f"frames of {size[1]} x {size[0]} pixels have no room for {scales} scales",
            f"--set scales={most_scales(*size)} is the most",
        )
    pyramid = SteerablePyramid(size, scales, orientations, dtype=dtype).to(device)
    every = itertools.chain([first], parts)
    signals = pool(pyramid.oriented(part.to(device, dtype)) for part in every)
    return combined(signals, rate, cutoff)


def combined(bands: Sound, rate: float, cutoff: float = CUTOFF_HZ) -> Recovered:
    """Return the sound of bands [B, T]: high-passed, aligned, added up."""
    # Drift is larger than any sound, and would align the bands by itself.
    total, alignments = aligned_sum(high_pass(bands, rate, cutoff), LARGEST_LAG)
    return Recovered(total, bands, alignments, rate)


@torch.no_grad()
def pool(parts: Iterable[tuple[Tensor, ...]]) -> Sound:
    """Return [B, T] of frames in parts, each the bands of one scale or more: complex [n, K, h, w].

    The first frame of the first part is the reference.
    """
    found: list[Tensor] = []
    references: list[Tensor] = []
    for part in parts:
        references = references or [bands[0] for bands in part]
        pairs = zip(part, references, strict=True)
        found.append(torch.cat([pooled(bands, first) for bands, first in pairs], dim=1))
    return torch.cat(found).T.double().cpu().numpy()


def chunks(frames: Frames | Iterable[Frames]) -> Iterator[Tensor]:
    """Yield [n, H, W] of at most `CHUNK` frames, of a video or of its parts."""
    for part in (frames,) if isinstance(frames, np.ndarray) else frames:
        for start in range(0, len(part), CHUNK):
            yield torch.from_numpy(np.ascontiguousarray(part[start : start + CHUNK]))
