"""Checkpoints: encoder, decoder and digit head as safetensors, with the words to build them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from harness.errors import MethodError
from reference import weights_file
from reference.ufdn.networks import Disentangler
from reference.ufdn.settings import Settings
from reference.ufdn.structure import Structure
from reference.weights_file import Network

METHOD_NAME = "ufdn"
VAE, HEAD = "vae.", "head."
# Options that the networks' sizes follow from.
SIZES = ("width", "code", "kernel", "side")


@dataclass(frozen=True)
class Checkpoint:
    """Weights, and the words beside them.

    Attributes:
        weights: Tensor by name: `vae.` is encoder and decoder, `head.` reads digits from codes,
            and is missing where pictures alone were learnt.
        domains: Names of the domains, in the order of the domain vector.
        classes: Names of the classes, by label; empty without a head.
        job: The training that made them: seed, epochs, settings, data.
        metrics: What it reached on pictures that it had not seen.
    """

    weights: dict[str, Tensor]
    domains: tuple[str, ...]
    classes: tuple[str, ...]
    job: dict[str, Any]
    metrics: dict[str, float]

    @property
    def settings(self) -> Settings:
        """How it was trained."""
        return Settings(**self.job["settings"])

    @property
    def structure(self) -> Structure:
        """The networks' channels."""
        return self.settings.structure(len(self.domains))

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        words = {name: value for name, value in vars(self).items() if name != "weights"}
        weights_file.write(path, METHOD_NAME, self.weights, words)

    def vae(self) -> Disentangler:
        """Return encoder and decoder in evaluation mode."""
        return self._filled(Disentangler(self.structure), VAE)

    def head(self) -> nn.Linear | None:
        """Return the digit head, if there is one."""
        if not self.classes:
            return None
        return self._filled(nn.Linear(self.structure.code, len(self.classes)), HEAD)

    def _filled(self, network: Network, prefix: str) -> Network:
        size = f"width {self.settings.width:g} and code {self.settings.code}"
        return weights_file.filled(network, self.weights, prefix, size)


def weights_of(vae: Disentangler, head: nn.Module | None) -> dict[str, Tensor]:
    """Return what a checkpoint keeps."""
    return weights_file.weights_of({VAE: vae, HEAD: head})


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint of this method.

    Raises:
        MethodError: There is no such file, it is damaged, or another method wrote it.
    """
    weights, words = weights_file.read(path, METHOD_NAME)
    names = {name: tuple(words[name]) for name in ("domains", "classes")}
    return Checkpoint(weights, **words | names)


def check_start(source: Checkpoint, settings: Settings, domains: int) -> None:
    """Make sure that a training can start from a checkpoint.

    Raises:
        MethodError: Its networks have another size, or it knows more or fewer domains.
    """
    had = {name: getattr(source.settings, name) for name in SIZES}
    weights_file.check_start(had, settings)
    if len(source.domains) != domains:
        raise MethodError(
            f"the checkpoint knows {len(source.domains)} domains, and the data have {domains}",
            "give data with as many domains, or leave out --init",
        )
