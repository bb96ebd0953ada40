"""`k210 train`: filters are fitted to the pyramid, in one step, for pictures like those given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from harness.errors import MethodError
from harness.method import TrainJob
from reference import weights_file
from reference.visual_microphone.checkpoint import Checkpoint
from reference.visual_microphone.data import Footage, load
from reference.visual_microphone.listening import judged, maps_of, sound_of_maps
from reference.visual_microphone.networks import fitted_kernels
from reference.visual_microphone.recovery import recover
from reference.visual_microphone.settings import NAME, Settings


def train(job: TrainJob) -> Path:
    """Fit the filters and write the checkpoint; there is nothing to take up where it stopped.

    Raises:
        MethodError: Passes, folds or a start were asked for, which a single step has not.
        DataError: The video cannot be used.
    """
    _check(job)
    settings = Settings.parse(job.options)
    footage = load(job.data, settings, job.seed)
    with job.progress.task("Fitting filters", 1) as task:
        fitted = fit(footage, settings, job.seed, job.device)
        task.advance()
    path = job.out / weights_file.FILE_NAME
    fitted.save(path)
    return path


def fit(footage: Footage, settings: Settings, seed: int = 0, device: str = "cpu") -> Checkpoint:
    """Return filters for pictures like `footage.other`, and what is heard with them."""
    kernels = fitted_kernels(power_spectrum(footage.other))
    job = {"seed": seed, "data": footage.fingerprint(), "footage": footage.name}
    found = Checkpoint(kernels, settings, job, {})
    rate, cutoff = footage.rate, footage.cutoff(settings)
    heard = sound_of_maps(maps_of(found.filters(), footage.frames), rate, cutoff)
    bands = settings.scales, settings.orientations
    whole = recover(footage.frames, rate, *bands, cutoff, device)
    wanted = whole.sound if footage.true is None else footage.true
    metrics = judged(heard.sound, wanted, rate, cutoff)
    return Checkpoint(kernels, settings, job, metrics)


def power_spectrum(frames: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Tensor:
    """Return the mean power of bytes [T, H, W] at each frequency, float64 [H, W].

    Under a window, as a picture's edges do not fit onto each other.
    """
    pixels = torch.from_numpy(frames).double() / 255
    height, width = frames.shape[1:]
    window = torch.outer(*(torch.from_numpy(np.hanning(side)) for side in (height, width)))
    centred = (pixels - pixels.mean((1, 2), keepdim=True)) * window
    spectra: Tensor = torch.fft.fft2(centred)
    return spectra.abs().square().mean(0)


def _check(job: TrainJob) -> None:
    asked = {
        "--epochs": job.epochs is not None,
        "--init": job.init is not None,
        "--folds": job.fold is not None,
    }
    for name, given in asked.items():
        if given:
            raise MethodError(
                f"{NAME} has no use for {name}: its filters are fitted in one step",
                f"leave out {name}",
            )
