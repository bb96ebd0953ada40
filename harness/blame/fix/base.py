"""What a fix is: a change to a recipe, and a recipe is all that a compilation is made from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from harness.compiler.build import CompiledModel, compile_source
from harness.compiler.source import Source
from harness.progress import SILENT, Progress

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Recipe:
    """A model and how it is compiled.

    Attributes:
        source: The model.
        calibration: uint8 [N, C, H, W] that quantisation takes its ranges from.
        method: How it takes them, one of nncase's calibration methods.
        rewrites: What the legaliser was asked for: rewrite → mode.
        applied: Names of the fixes in it, in the order in which they were made.
    """

    source: Source
    calibration: Images
    method: str = "no_clip"
    rewrites: Mapping[str, str] = field(default_factory=dict)
    applied: tuple[str, ...] = ()

    def with_model(self, data: bytes) -> Recipe:
        """Return the recipe with another ONNX model."""
        return replace(self, source=replace(self.source, data=data))

    def compile(self, progress: Progress = SILENT) -> CompiledModel:
        """Compile it, or take the result of an equal compilation from the cache."""
        return compile_source(
            self.source,
            self.calibration,
            method=self.method,
            rewrites=self.rewrites,
            progress=progress,
        )


class Fix(ABC):
    """One change.

    Attributes:
        family: Which kind of fix it is; hints name these.
        free: Whether the model stays as fast and as small as it was.
    """

    family: ClassVar[str]
    free: ClassVar[bool] = True

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is called, unique among the fixes of a search."""

    @property
    @abstractmethod
    def cost(self) -> str:
        """What it costs, in words for people."""

    @abstractmethod
    def apply(self, recipe: Recipe) -> Recipe | None:
        """Return the changed recipe; None where there is nothing to change."""
