"""Checkpoints: the weights as safetensors, and what is needed to build the networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from reference import weights_file
from reference.content_transfer.judge import Judge
from reference.content_transfer.networks import ContentTransfer
from reference.content_transfer.structure import BY_SIDE, Structure

METHOD_NAME = "content_transfer"
# Options that the networks' sizes follow from.
SIZES = ("side", "width", "sep")


@dataclass(frozen=True)
class Checkpoint:
    """Networks in evaluation mode, and the words beside them; the discriminator is not kept.

    Attributes:
        networks: E1, E2 and decoder.
        judge: Tells pictures with content from those without.
        probe: Tells the domain from E1's code, as far as it can.
        side: Side of the pictures.
        width: Width multiplier.
        sep: Channels of E2's code.
        job: The training that made them: seed, settings, data.
        metrics: What they reach on pictures that were held out.
    """

    networks: ContentTransfer
    judge: Judge
    probe: nn.Linear
    side: int
    width: float
    sep: int
    job: Mapping[str, Any]
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def structure(self) -> Structure:
        """The networks' channels."""
        return BY_SIDE[self.side].scaled(self.width, self.sep)

    def parts(self) -> dict[str, nn.Module]:
        """Return the networks by name."""
        return {"networks": self.networks, "judge": self.judge, "probe": self.probe}

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        weights = weights_file.weights_of(
            {f"{name}.": network for name, network in self.parts().items()}
        )
        words = {name: getattr(self, name) for name in (*SIZES, "job", "metrics")}
        weights_file.write(path, METHOD_NAME, weights, words)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint of this method.

    Raises:
        MethodError: There is no such file, it is damaged, another method wrote it, or its weights
            are of another width than it says.
    """
    weights, words = weights_file.read(path, METHOD_NAME)
    structure = BY_SIDE[words["side"]].scaled(words["width"], words["sep"])
    probe = nn.Linear(structure.shared * structure.core**2, 1)
    found = Checkpoint(ContentTransfer(structure), Judge(), probe, **words)
    size = ", ".join(f"{name} {words[name]:g}" for name in SIZES)
    for name, network in found.parts().items():
        weights_file.filled(network, weights, f"{name}.", size).requires_grad_(False)
    return found
