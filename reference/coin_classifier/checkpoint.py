"""Checkpoints: weights as safetensors, with what is needed to build the network around them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from reference import weights_file
from reference.coin_classifier.networks import MobileNetV1

METHOD_NAME = "coin_classifier"
HEAD = "head."


@dataclass(frozen=True)
class Checkpoint:
    """Weights, and the words beside them.

    Attributes:
        weights: Tensor by name, batch-norm statistics included.
        classes: Names of the classes, by label.
        width: Width multiplier.
        size: Side of the input in pixels.
        job: The training that made them: seed, epochs, settings, data.
    """

    weights: dict[str, Tensor]
    classes: tuple[str, ...]
    width: float
    size: int
    job: dict[str, Any]

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        words = {name: value for name, value in vars(self).items() if name != "weights"}
        weights_file.write(path, METHOD_NAME, self.weights, words)

    def network(self) -> MobileNetV1:
        """Return the trained network in evaluation mode."""
        network = MobileNetV1(len(self.classes), self.width)
        size = f"{len(self.classes)} classes and width {self.width:g}"
        return weights_file.filled(network, self.weights, "", size)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint of this method.

    Raises:
        MethodError: There is no such file, it is damaged, or another method wrote it.
    """
    weights, words = weights_file.read(path, METHOD_NAME)
    return Checkpoint(weights, **words | {"classes": tuple(words["classes"])})


def transfer(source: Checkpoint, network: MobileNetV1, classes: tuple[str, ...]) -> str:
    """Start a network from the weights of another one, and say what was taken.

    The head is taken only where both know the same classes.
    """
    own = network.state_dict()
    fitting = {name for name, tensor in source.weights.items() if own[name].shape == tensor.shape}
    keeps_head = source.classes == classes
    taken = {name for name in fitting if keeps_head or not name.startswith(HEAD)}
    network.load_state_dict({name: source.weights[name] for name in taken}, strict=False)
    head = "its head too" if keeps_head else f"a new head for {len(classes)} classes"
    return f"{len(taken)} of {len(own)} tensors taken from the checkpoint, {head}"
