"""Checkpoints: the filters, and how a video is listened to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from harness.errors import MethodError
from reference import weights_file
from reference.visual_microphone.networks import QuadratureFilters
from reference.visual_microphone.settings import NAME, Settings
from reference.visual_microphone.structure import KERNEL, MAPS

KERNELS = "kernels"


@dataclass(frozen=True)
class Checkpoint:
    """What was fitted.

    Attributes:
        kernels: float32 [4, 1, 3, 3].
        settings: How a video is listened to.
        job: What they were fitted to: seed, data.
        metrics: What is heard with them.
    """

    kernels: Tensor
    settings: Settings
    job: dict[str, Any]
    metrics: dict[str, float]

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        words = {"settings": vars(self.settings), "job": self.job, "metrics": self.metrics}
        weights_file.write(path, NAME, {KERNELS: self.kernels.contiguous()}, words)

    def filters(self) -> QuadratureFilters:
        """Return the network, in evaluation mode."""
        network = QuadratureFilters().eval().requires_grad_(False)
        network.conv.weight.data = self.kernels.clone()
        return network


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint of this method.

    Raises:
        MethodError: There is no such file, it is damaged, or another method wrote it.
    """
    weights, words = weights_file.read(path, NAME)
    kernels = weights.get(KERNELS)
    if (
        kernels is None
        or kernels.shape != (MAPS, 1, KERNEL, KERNEL)
        or not kernels.isfinite().all()
    ):
        raise MethodError(
            f"{path} does not hold {MAPS} kernels of {KERNEL} x {KERNEL}",
            "the file is damaged or was put together by hand: train afresh",
        )
    return Checkpoint(
        kernels.float(), Settings(**words["settings"]), words["job"], words["metrics"]
    )
