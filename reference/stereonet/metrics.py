"""How far disparities are off, and what bytes in the tower do to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from harness.method import EvaluationSet
from reference.stereonet.losses import known
from reference.stereonet.networks import StereoNet
from reference.stereonet.volume import upsample

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.method import Images, Tensors

BATCH = 4
BAD = (1, 2, 3)
LEFT_SUFFIX = "-left"


def to_floats(images: Tensor) -> Tensor:
    """Turn bytes into what the networks eat: uint8 → float32 in −1 to 1."""
    return images.float() / 127.5 - 1


def end_point_error(disparity: Tensor, truth: Tensor, valid: Tensor) -> float:
    """Return the mean absolute difference over valid pixels, in pixels."""
    return (disparity - truth)[valid].abs().mean().item()


def bad(disparity: Tensor, truth: Tensor, valid: Tensor, limit: float) -> float:
    """Return the share of valid pixels that are off by more than `limit` pixels."""
    return ((disparity - truth)[valid].abs() > limit).float().mean().item()


def errors(disparity: Tensor, truth: Tensor, valid: Tensor) -> dict[str, float]:
    """Return `epe` and `bad_1`, `bad_2`, `bad_3` of full-size disparities."""
    found = {"epe": end_point_error(disparity, truth, valid)}
    return found | {f"bad_{limit}": bad(disparity, truth, valid, limit) for limit in BAD}


@torch.no_grad()
def predict(network: StereoNet, left: Images, right: Images) -> list[Tensor]:
    """Return the disparities of all levels at full size, float32 [N, 1, H, W] each.

    Args:
        network: In evaluation mode.
        left: uint8 [N, 3, H, W].
        right: The same.
    """
    size = left.shape[2], left.shape[3]
    parts = []
    for start in range(0, len(left), BATCH):
        pair = (to_floats(torch.tensor(side[start : start + BATCH])) for side in (left, right))
        parts.append([upsample(level, size) for level in network(*pair)])
    return [torch.cat(level) for level in zip(*parts, strict=True)]


def judged(
    network: StereoNet, left: Images, right: Images, disparity: npt.NDArray[np.float32]
) -> dict[str, float]:
    """Return `errors` of the last level, and `epe_0`, `epe_1`, … of all."""
    levels, truth = predict(network, left, right), torch.from_numpy(disparity)
    valid = known(truth, network.structure.disparities)
    found = errors(levels[-1], truth, valid)
    for number, level in enumerate(levels):
        found[f"epe_{number}"] = end_point_error(level, truth, valid)
    return found


def left_pictures(evaluation: EvaluationSet) -> dict[str, int]:
    """Return the places of the left pictures by name of the pair; each right one is behind it."""
    return {
        name.removesuffix(LEFT_SUFFIX): place
        for place, name in enumerate(evaluation.ids)
        if name.endswith(LEFT_SUFFIX)
    }


class StereoMetrics:
    """Task metrics of one backend's features, from which the host goes on in float.

    `epe` and `bad_…` where true disparities are known; `drift_px`, the mean absolute difference
    from the disparities of float features, always; `drift_above_1`, the share above one pixel.

    Args:
        network: In evaluation mode.
        truths: Disparities by name of the pair, float32 [1, H, W], 0 where unknown.
    """

    def __init__(self, network: StereoNet, truths: Mapping[str, npt.NDArray[np.float32]]) -> None:
        self.network, self.truths = network, truths

    def __call__(self, outputs: Tensors, evaluation: EvaluationSet) -> dict[str, float]:
        """Return the metrics of `features`, of pictures that come left, right, left, right."""
        lefts = left_pictures(evaluation)
        features = torch.from_numpy(np.asarray(outputs["features"], np.float32))
        pictures = to_floats(torch.from_numpy(evaluation.inputs))
        found = self._disparities(features, pictures, list(lefts.values()))
        exact = self._disparities(self._features(pictures), pictures, list(lefts.values()))
        return self.of_disparities(found, exact, list(lefts))

    def of_disparities(
        self, found: Tensor, exact: Tensor, names: Sequence[str]
    ) -> dict[str, float]:
        """Return the metrics of disparities, beside those that all of it in float gives.

        Args:
            found: float32 [N, 1, H, W].
            exact: The same.
            names: One a pair.
        """
        difference = (found - exact).abs()
        metrics = {
            "drift_px": difference.mean().item(),
            "drift_above_1": (difference > 1).float().mean().item(),
        }
        kept = [number for number, pair in enumerate(names) if pair in self.truths]
        if kept:
            truth = torch.from_numpy(np.stack([self.truths[names[number]] for number in kept]))
            valid = known(truth, self.network.structure.disparities)
            metrics = errors(found[kept], truth, valid) | metrics
        return metrics

    def in_float(self, evaluation: EvaluationSet) -> tuple[dict[str, int], npt.NDArray[np.float32]]:
        """Return the places of the left pictures by pair, and their disparities, all in float."""
        lefts = left_pictures(evaluation)
        pictures = to_floats(torch.from_numpy(evaluation.inputs))
        found = self._disparities(self._features(pictures), pictures, list(lefts.values()))
        return lefts, found.numpy()

    @torch.no_grad()
    def _features(self, pictures: Tensor) -> Tensor:
        return torch.cat([self.network.tower(part) for part in torch.split(pictures, BATCH)])

    @torch.no_grad()
    def _disparities(self, features: Tensor, pictures: Tensor, lefts: list[int]) -> Tensor:
        found = []
        for start in range(0, len(lefts), BATCH):
            left = torch.tensor(lefts[start : start + BATCH])
            coarse = self.network.coarse(features[left], features[left + 1])
            found.append(self.network.refine(coarse, pictures[left])[-1])
        return torch.cat(found)
