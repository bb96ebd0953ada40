"""Gaze estimators: how one is trained on labelled pictures, and how far it errs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Generator, Tensor, nn

from reference.simgan.data import Gaze, as_floats
from reference.simgan.networks import GazeEstimator

BATCH = 16
LEARNING_RATE = 2e-3
# Degrees within which the paper counts an estimate as right.
WITHIN = 7.0


def fit_estimator(
    images: Tensor,
    gaze: Gaze,
    *,
    width: float,
    hidden: int,
    steps: int,
    seed: int,
    device: str = "cpu",
) -> GazeEstimator:
    """Train an estimator on labelled pictures, by the squared distance of directions.

    Adam with a learning rate that falls to zero along a cosine (our choice).

    Args:
        images: float32 [N, 1, 35, 55] in −1 to 1.
        gaze: Directions, float32 [N, 3].
        width: Width multiplier.
        hidden: Hidden features.
        steps: Mini-batches of 16; as many whatever N is.
        seed: Start of weights and order.
        device: PyTorch device name.
    """
    with torch.random.fork_rng():  # Dropout draws from it, too.
        torch.manual_seed(seed)
        network = GazeEstimator(width, hidden).to(device)
        _fit(network, images.to(device), torch.from_numpy(gaze).to(device), steps, seed)
    return network.cpu().eval()


def _fit(network: GazeEstimator, images: Tensor, targets: Tensor, steps: int, seed: int) -> None:
    stream = Generator().manual_seed(seed)
    # A step takes a CPU two thirds of the time.
    _arrange(network, torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))
    for _ in range(steps):
        places = torch.randint(len(images), (BATCH,), generator=stream).to(images.device)
        loss = (network(images[places]) - targets[places]).square().sum(dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    _arrange(network, torch.contiguous_format)


def _arrange(network: nn.Module, layout: torch.memory_format) -> None:
    for weight in network.parameters():
        if weight.dim() == 4:
            weight.data = weight.data.contiguous(memory_format=layout)


def angles(found: Tensor, gaze: Gaze) -> npt.NDArray[np.float64]:
    """Return the angle between directions, in degrees: [N, 3] and [N, 3] → [N]."""
    a = nn.functional.normalize(found.double(), dim=1)
    b = nn.functional.normalize(torch.from_numpy(gaze).double(), dim=1)
    # The arc cosine alone is imprecise for small angles.
    half = torch.atan2((a - b).norm(dim=1), (a + b).norm(dim=1))
    return np.asarray(torch.rad2deg(2 * half).numpy())


def gaze_metrics(estimator: nn.Module, images: Tensor, gaze: Gaze) -> dict[str, float]:
    """Return the mean error in degrees, and the share of pictures within 7 degrees.

    Args:
        estimator: Trained, on the CPU.
        images: float32 [N, 1, 35, 55] in −1 to 1.
        gaze: Directions, float32 [N, 3].
    """
    errors = angles(run(estimator, images), gaze)
    return {
        "gaze_error_deg": float(errors.mean()),
        "within_7_deg": float((errors <= WITHIN).mean()),
    }


def refine(refiner: nn.Module, images: npt.NDArray[np.uint8], device: str = "cpu") -> Tensor:
    """Return refined pictures on the CPU: uint8 [N, 1, H, W] → float32 in −1 to 1."""
    return run(refiner, as_floats(torch.from_numpy(images)), device)


def run(network: nn.Module, inputs: Tensor, device: str = "cpu") -> Tensor:
    """Return what a network makes of all inputs, on the CPU, without gradients."""
    with torch.no_grad():
        return torch.cat([network(part.to(device)).cpu() for part in torch.split(inputs, 256)])
