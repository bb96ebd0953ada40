"""Checkpoints: the network as safetensors, with the words to build it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from harness.errors import MethodError
from reference import weights_file
from reference.stereonet.networks import StereoNet
from reference.stereonet.settings import Settings
from reference.stereonet.structure import Structure

METHOD_NAME = "stereonet"


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
        try:
            network.load_state_dict(self.weights)
        except RuntimeError as error:
            raise MethodError(
                f"the checkpoint's weights are not those of {self.structure}",
                "the file is damaged or was put together by hand: train afresh",
            ) from error
        return network.eval()

    def check(self, settings: Settings) -> None:
        """Make sure that a training with these settings can start from this checkpoint.

        Raises:
            MethodError: The network has another structure.
        """
        wanted = settings.structure
        for name, value in asdict(self.structure).items():
            if getattr(wanted, name) != value:
                raise MethodError(
                    f"the checkpoint has {name} {value}, and {getattr(wanted, name)} was asked for",
                    "give the settings that it was trained with",
                )


def weights_of(network: StereoNet) -> dict[str, Tensor]:
    """Return what a checkpoint keeps."""
    return {
        name: tensor.detach().cpu().contiguous().clone()
        for name, tensor in network.state_dict().items()
    }


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint of this method.

    Raises:
        MethodError: There is no such file, it is damaged, or another method wrote it.
    """
    weights, words = weights_file.read(path, METHOD_NAME)
    return Checkpoint(weights, **words | {"structure": Structure(**words["structure"])})
