"""Checkpoints: the network as safetensors, with the words to build it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from reference import weights_file
from reference.stereonet.networks import StereoNet
from reference.stereonet.settings import Settings
from reference.stereonet.structure import Structure

METHOD_NAME = "stereonet"
# Options that the network's structure follows from.
SIZES = ("width", "levels", "refinement", "disparities")


@dataclass(frozen=True)
class Checkpoint:
    """Weights, and the words beside them.

    Attributes:
        weights: Tensor by name.
        structure: Sizes of the network.
        job: The training that made them: seed, epochs, settings, data.
        metrics: What it reached on pairs that it had not seen.
    """

    weights: dict[str, Tensor]
    structure: Structure
    job: dict[str, Any]
    metrics: dict[str, float]

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        words = {"structure": asdict(self.structure), "job": self.job, "metrics": self.metrics}
        weights_file.write(path, METHOD_NAME, self.weights, words)

    def network(self) -> StereoNet:
        """Return the network in evaluation mode.

        Raises:
            MethodError: The weights are those of another structure.
        """
        network = StereoNet(self.structure)
        return weights_file.filled(network, self.weights, "", str(self.structure))

    def check(self, settings: Settings) -> None:
        """Make sure that a training with these settings can start from this checkpoint.

        Raises:
            MethodError: The network has another structure.
        """
        had = {name: self.job["settings"][name] for name in SIZES}
        weights_file.check_start(had, settings)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint of this method.

    Raises:
        MethodError: There is no such file, it is damaged, or another method wrote it.
    """
    weights, words = weights_file.read(path, METHOD_NAME)
    return Checkpoint(weights, **words | {"structure": Structure(**words["structure"])})
