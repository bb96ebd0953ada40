"""Equalisation: scale channels between two layers so that a map's one range fits all of them.

A feature map has one range for all its channels; nncase gives weights one range for each output
channel. So a channel that is much wider than the others leaves these few codes. Dividing the
channel in the layer before and multiplying it in the layer behind changes nothing in float.

Sources: cross-layer equalisation is by M. Nagel et al., "Data-Free Quantization Through Weight
Equalization and Bias Correction", ICCV 2019 (arXiv:1906.04721), which takes the ranges of the
weights on both sides. Ranges of the maps instead of the first layer's weights are due to
E. Meller et al., "Same, Same But Different", ICML 2019 (arXiv:1902.01917).

ReLU6 passes no factor through. Where no factor is asked of a channel that reaches 6 on the
calibration images, and no other channel is scaled past 6, the function stays the same on these
images; or every ReLU6 becomes a ReLU, which changes the function wherever it was at 6.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from harness.blame.fix.base import Fix, Recipe
from harness.blame.fix.batch_norm import fold_batch_norms
from harness.blame.fix.floats import float_values
from harness.blame.fix.model import Model
from harness.blame.fix.pairs import (
    ACTIVATIONS,
    Pair,
    Vector,
    ceiling,
    column_max,
    depthwise,
    pairs,
    row_max,
    scale_columns,
    scale_rows,
)

By = Literal["maps", "weights"]

# No two factors of a layer are further apart: a channel that is nearly always zero on the
# calibration images would otherwise be blown up.
_MOST = 4096.0
# Room that a scaled channel keeps below the ceiling of its ReLU6: other images may go further.
_HEADROOM = 1.25
_ROUNDS = 20
_SETTLED = 1e-3


@dataclass(frozen=True)
class Equalise(Fix):
    """Scale channels between layers.

    Attributes:
        by: What is made equal: ranges of the feature maps on the calibration images, or, without
            looking at images, ranges of the weights.
        relu: Whether each ReLU6 becomes a ReLU first.
    """

    by: By = "maps"
    relu: bool = False
    family: ClassVar[str] = "equalise"

    @property
    def name(self) -> str:
        """Such as "equalise maps" and "equalise weights, relu6 to relu"."""
        return f"equalise {self.by}" + (", relu6 to relu" if self.relu else "")

    @property
    def cost(self) -> str:
        """What changes in the float model."""
        changed = "values above the ceiling of each ReLU6 pass" if self.relu else "none"
        return f"change of the float model: {changed}"

    def apply(self, recipe: Recipe) -> Recipe | None:
        """See `Fix.apply`."""
        if recipe.source.kind != "onnx":
            return None
        model = Model(recipe.source.data)
        fold_batch_norms(model)
        found = pairs(model)
        if self.relu and not relu_for_clips(found):
            return None
        folded = recipe.with_model(model.data())
        if not found or not equalise(model, found, map_ranges(found, folded), self.by):
            return None
        return replace(folded.with_model(model.data()), applied=(*recipe.applied, self.name))


@dataclass(frozen=True)
class MapRange:
    """Largest absolute values of the map between two layers, a channel.

    Attributes:
        before: What the first layer gives, positive values only.
        behind: The same behind the activation, of either sign.
    """

    before: Vector
    behind: Vector


def relu_for_clips(found: list[Pair]) -> bool:
    """Make each ReLU6 between two layers a ReLU; say whether there was one."""
    clips = [clip for pair in found for clip in pair.clips]
    for clip in clips:
        clip.op_type = "Relu"
        del clip.input[1:]
        del clip.attribute[:]
    return bool(clips)


def map_ranges(found: list[Pair], recipe: Recipe) -> dict[str, MapRange]:
    """Measure the maps between pairs on the calibration images.

    Args:
        found: Pairs of the recipe's model.
        recipe: The model and the images.

    Returns:
        By the name of the first layer's result.
    """
    watched = {pair.first.output[0]: _activated(pair) for pair in found}
    names = {*watched, *watched.values()}
    most = {name: np.zeros(1) for name in names}
    least = dict(most)
    for values in float_values(recipe.source, recipe.calibration, names):
        for name, value in values.items():
            flat = value.swapaxes(0, 1).reshape(value.shape[1], -1).astype(np.float64)
            most[name] = np.maximum(most[name], flat.max(axis=1))
            least[name] = np.minimum(least[name], flat.min(axis=1))
    return {
        name: MapRange(most[name], np.maximum(most[after], -least[after]))
        for name, after in watched.items()
    }


def _activated(pair: Pair) -> str:
    """Return the value behind a pair's activation: what is rounded to codes."""
    after = pair.first.output[0]
    for node in pair.between:
        if node.op_type in ACTIVATIONS:
            after = node.output[0]
    return after


def equalise(model: Model, found: list[Pair], maps: dict[str, MapRange], by: By) -> bool:
    """Scale until nothing moves; say whether anything did.

    Args:
        model: The model, whose weights are changed.
        found: Its pairs.
        maps: Their ranges, by the name of the first layer's result.
        by: Which ranges are made equal.
    """
    changed = False
    for _ in range(_ROUNDS):
        moved = 0.0
        for pair in found:
            key = pair.first.output[0]
            factors = _factors(model, pair, maps[key], by)
            moved = max(moved, float(np.abs(np.log(factors)).max()))
            scale_rows(model, pair.first, 1 / factors)
            scale_columns(model, pair.second, np.repeat(factors, pair.repeat))
            maps[key] = MapRange(maps[key].before / factors, maps[key].behind / factors)
        changed = changed or moved > _SETTLED
        if moved < _SETTLED:
            break
    return changed


def _factors(model: Model, pair: Pair, found: MapRange, by: By) -> Vector:
    """Return by how much each channel between two layers is divided."""
    columns = column_max(model, pair.second).reshape(-1, pair.repeat).max(axis=1)
    ahead = found.behind if by == "maps" else row_max(model, pair.first)
    alive = np.minimum(np.minimum(ahead, columns), found.behind) > 0
    if not alive.any():
        return np.ones(len(ahead))
    if by == "maps" and depthwise(model, pair.second):
        # nncase gives each of these weights a range of its own: only the map has to be shared.
        wanted = np.where(alive, ahead, 1.0)
    else:
        wanted = np.sqrt(np.where(alive, ahead, 1.0) / np.where(alive, columns, 1.0))
    wanted = np.maximum(wanted, wanted[alive].max() / _MOST)
    ceilings = [ceiling(model, clip) for clip in pair.clips]
    if ceilings:
        return _below(wanted, alive, found.before, min(c for c in ceilings if c is not None))
    centre = np.exp(np.log(wanted[alive]).mean())
    return np.where(alive, wanted / centre, 1.0)


def _below(wanted: Vector, alive: npt.NDArray[np.bool_], before: Vector, top: float) -> Vector:
    """Return factors that leave a ReLU6 what it is on the calibration images."""
    free = alive & (before * _HEADROOM < top)
    if not free.any():
        return np.ones(len(wanted))
    held = alive & ~free
    least = _HEADROOM * before / top
    unit = np.median(wanted[held]) if held.any() else (wanted[free] / least[free]).min()
    return np.where(free, np.maximum(wanted / unit, least), 1.0)
