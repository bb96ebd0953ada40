"""How long `k210 blame` takes: MobileNet 1.0 at 224, without nncase and boards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.blame.analyse import analyse
from harness.blame.suspect import Suspect
from harness.compiler.build import compile_source
from harness.compiler.source import source_of_module
from harness.method import InputContract
from harness.progress import SILENT, Progress

if TYPE_CHECKING:
    from torch import nn

PICTURES = 32
# As few as quantisation takes ranges from; their number changes no layer's work.
CALIBRATION = 4


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        name: What was measured.
        seconds: From reading the two models to the verdict.
        images: Pictures that were looked at.
        stage: The verdict, so that it is seen to have been reached.
        parts: Seconds by part.
    """

    name: str
    seconds: float
    images: int
    stage: str
    parts: dict[str, float]


def bench_blame(module: nn.Module, progress: Progress = SILENT) -> Row:
    """Compile a module for 224x224 and look at all its layers on 32 pictures of noise."""
    contract = InputContract((3, 224, 224))
    images = np.random.default_rng(0).integers(0, 256, (PICTURES, *contract.shape), np.uint8)
    source = source_of_module(module, "mobilenet", contract, ("logits",))
    compiled = compile_source(source, images[:CALIBRATION], progress=progress)
    suspect = Suspect("mobilenet", contract, source.data, compiled.kmodel, images)
    found = analyse(suspect, progress=progress)
    parts = {part: spent for part, spent in found.seconds.items() if part != "total"}
    total = found.seconds["total"]
    return Row("mobilenet_1.0_224_32", total, len(images), found.verdict.stage, parts)
