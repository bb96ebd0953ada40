"""Checkpoints: what is deployed and the judge, as safetensors, with the words to build them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from reference import weights_file
from reference.dtn.classify import build_f, build_judge
from reference.dtn.networks import Classifier, DomainTransfer, Generator, PlainTransfer
from reference.dtn.settings import BASELINE
from reference.dtn.structure import DIGITS
from reference.weights_file import Network

METHOD_NAME = "dtn"
JUDGE = "judge."


@dataclass(frozen=True)
class Checkpoint:
    """Weights, and the words beside them.

    Attributes:
        weights: Tensor by name: `f.` is f with its head, `g.` the generator (the baseline's
            encoder is `own.`), `judge.` the judge, which user data may lack.
        classes: Names of the classes, by label.
        width: Width of f and g.
        variant: What was trained.
        job: The training that made them: seed, epochs, settings, data.
        metrics: What it reached on pictures that it had not seen.
    """

    weights: dict[str, Tensor]
    classes: tuple[str, ...]
    width: float
    variant: str
    job: dict[str, Any]
    metrics: dict[str, float]

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        words = {name: value for name, value in vars(self).items() if name != "weights"}
        weights_file.write(path, METHOD_NAME, self.weights, words)

    def classifier(self) -> Classifier:
        """Return f with its head, in evaluation mode."""
        return self._filled(build_f(DIGITS.scaled(self.width), len(self.classes)), "f.")

    def judge(self) -> Classifier | None:
        """Return the judge, if there is one."""
        if not any(name.startswith(JUDGE) for name in self.weights):
            return None
        return self._filled(build_judge(DIGITS, len(self.classes)), JUDGE)

    def transfer(self) -> DomainTransfer | PlainTransfer:
        """Return G in evaluation mode."""
        structure = DIGITS.scaled(self.width)
        if self.variant == BASELINE:
            return self._filled(PlainTransfer(structure), "transfer.")
        g = self._filled(Generator(structure), "transfer.g.")
        return DomainTransfer(self.classifier().encoder, g)

    def _filled(self, network: Network, prefix: str) -> Network:
        return weights_file.filled(network, self.weights, prefix, f"width {self.width:g}")


def weights_of(
    classifier: Classifier, transfer: nn.Module, judge: Classifier | None
) -> dict[str, Tensor]:
    """Return what a checkpoint keeps; f is kept once, though DTN's G holds it too."""
    parts: dict[str, nn.Module | None] = {"f.": classifier, JUDGE: judge}
    if isinstance(transfer, DomainTransfer):
        parts["transfer.g."] = transfer.g
    else:
        parts["transfer."] = transfer
    return weights_file.weights_of(parts)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint of this method.

    Raises:
        MethodError: There is no such file, it is damaged, or another method wrote it.
    """
    weights, words = weights_file.read(path, METHOD_NAME)
    return Checkpoint(weights, **words | {"classes": tuple(words["classes"])})
