"""Checkpoints: the weights of all networks as safetensors, and what is needed to build them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from reference import weights_file
from reference.simgan.networks import Discriminator, GazeEstimator, Refiner

METHOD_NAME = "simgan"
SIZES = ("width", "blocks", "hidden")


@dataclass(frozen=True)
class Networks:
    """The networks of a training.

    Attributes:
        refiner: R.
        discriminator: D.
        estimator: Trained on refined pictures; None where no directions were known.
    """

    refiner: Refiner
    discriminator: Discriminator
    estimator: GazeEstimator | None = None

    def named(self) -> dict[str, nn.Module]:
        """Return the networks that there are, by name."""
        found = {
            "refiner": self.refiner,
            "discriminator": self.discriminator,
            "estimator": self.estimator,
        }
        return {name: network for name, network in found.items() if network is not None}


@dataclass(frozen=True)
class Checkpoint:
    """Networks in evaluation mode, and the words beside them.

    Attributes:
        networks: The trained networks.
        width: Width multiplier.
        blocks: Residual blocks of the refiner.
        hidden: Hidden features of the estimator.
        job: The training that made them: seed, settings, data.
    """

    networks: Networks
    width: float
    blocks: int
    hidden: int
    job: Mapping[str, Any]

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        parts = {f"{name}.": network for name, network in self.networks.named().items()}
        words = {"job": self.job} | {name: getattr(self, name) for name in SIZES}
        weights_file.write(path, METHOD_NAME, weights_file.weights_of(parts), words)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint of this method.

    Raises:
        MethodError: There is no such file, it is damaged, another method wrote it, or its weights
            are of another width than it says.
    """
    weights, words = weights_file.read(path, METHOD_NAME)
    width, blocks, hidden = (words[name] for name in SIZES)
    estimated = any(name.startswith("estimator.") for name in weights)
    networks = Networks(
        Refiner(width, blocks),
        Discriminator(width),
        GazeEstimator(width, hidden) if estimated else None,
    )
    for name, network in networks.named().items():
        size = f"width {width:g}, {blocks} blocks and {hidden} hidden features"
        weights_file.filled(network, weights, f"{name}.", size)
    return Checkpoint(networks, width, blocks, hidden, words["job"])
