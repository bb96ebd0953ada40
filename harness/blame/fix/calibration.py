"""How nncase takes its ranges: another method, or other images."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from harness.blame.fix.base import Fix, Images, Recipe


@dataclass(frozen=True)
class CalibrationMethod(Fix):
    """Another of nncase's calibration methods.

    Attributes:
        method: One of `harness.compiler.worker.checks.CALIBRATION_METHODS`.
    """

    method: str
    family: ClassVar[str] = "method"

    @property
    def name(self) -> str:
        """Such as "method l2"."""
        return f"method {self.method}"

    @property
    def cost(self) -> str:
        """Nothing on the board."""
        return "calibration only"

    def apply(self, recipe: Recipe) -> Recipe | None:
        """See `Fix.apply`."""
        if recipe.method == self.method:
            return None
        return replace(recipe, method=self.method, applied=(*recipe.applied, self.name))


@dataclass(frozen=True)
class MoreImages(Fix):
    """More calibration images beside those that are there.

    Attributes:
        images: uint8 [N, C, H, W]; on none of them may the result be judged.
    """

    images: Images = field(repr=False)
    family: ClassVar[str] = "images"

    @property
    def name(self) -> str:
        """Such as "images +16"."""
        return f"images +{len(self.images)}"

    @property
    def cost(self) -> str:
        """Nothing on the board."""
        return f"{len(self.images)} more images to calibrate with"

    def apply(self, recipe: Recipe) -> Recipe | None:
        """See `Fix.apply`."""
        if not len(self.images):
            return None
        images = np.concatenate([recipe.calibration, self.images])
        return replace(recipe, calibration=images, applied=(*recipe.applied, self.name))
