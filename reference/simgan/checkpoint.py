"""Checkpoints: the weights of all networks as safetensors, and what is needed to build them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from harness.errors import MethodError
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
        weights = {
            f"{name}.{key}": tensor.detach().cpu().contiguous()
            for name, network in self.networks.named().items()
            for key, tensor in network.state_dict().items()
        }
        words = {"job": self.job} | {name: getattr(self, name) for name in SIZES}
        weights_file.write(path, METHOD_NAME, weights, words)


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
        _load(network, _part(weights, name), f"{path}: {name}")
        network.eval()
    return Checkpoint(networks, width, blocks, hidden, words["job"])


def take_weights(source: Checkpoint, networks: Networks) -> None:
    """Start refiner and discriminator from other weights.

    Raises:
        MethodError: They are of another width or depth.
    """
    for name in ("refiner", "discriminator"):
        state = source.networks.named()[name].state_dict()
        try:
            networks.named()[name].load_state_dict(state)
        except RuntimeError as error:
            raise MethodError(
                f"the checkpoint to start from has width {source.width:g} and {source.blocks} "
                "blocks, others than asked for",
                f"add --set width={source.width:g} --set blocks={source.blocks}",
            ) from error


def _part(weights: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    prefix = f"{name}."
    return {
        key.removeprefix(prefix): tensor
        for key, tensor in weights.items()
        if key.startswith(prefix)
    }


def _load(network: nn.Module, state: Mapping[str, Tensor], what: str) -> None:
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise MethodError(
            f"{what} has weights of another width or depth than the file says",
            f"give the {weights_file.FILE_NAME} as the training wrote it",
        ) from error
