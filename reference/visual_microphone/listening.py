"""The sound in what the deployed filters give, on whichever backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from reference.visual_microphone.filters import Sound, high_pass
from reference.visual_microphone.metrics import correlation, snr_db, spectral_convergence
from reference.visual_microphone.networks import to_bands
from reference.visual_microphone.recovery import Frames, Recovered, chunks, combined, pool
from reference.visual_microphone.structure import RANGE

if TYPE_CHECKING:
    import numpy.typing as npt


def sound_of_maps(maps: npt.NDArray[np.float32], rate: float, cutoff: float) -> Recovered:
    """Return the sound in maps, float32 [T, 4, H, W]."""
    signals = pool((to_bands(part),) for part in chunks(maps))
    return combined(signals, rate, cutoff)


@torch.no_grad()
def maps_of(filters: nn.Module, frames: Frames) -> npt.NDArray[np.float32]:
    """Return what the filters give of frames [T, H, W], 0 to 255: float32 [T, 4, H, W]."""
    low, high = RANGE
    found = [filters(part[:, None].float() * ((high - low) / 255) + low) for part in chunks(frames)]
    return torch.cat(found).numpy()


def judged(found: Sound, wanted: Sound, rate: float, cutoff: float) -> dict[str, float]:
    """Return how near a sound comes to another, which gets the same high-pass."""
    wanted = high_pass(wanted, rate, cutoff)
    return {
        "snr_db": snr_db(found, wanted),
        "correlation": correlation(found, wanted),
        "spectral_convergence": spectral_convergence(found, wanted),
    }
