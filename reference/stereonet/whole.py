"""A whole pair in one model, tower and filter, as a deployable to compare with the tower alone.

Its picture is the left one above the right one. `reference.stereonet.whole:shipped` is a factory
for `k210 compare` and `k210 check`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from harness.method import Deployable, EvaluationSet, InputContract, Tolerance
from reference.shipped import weights_file
from reference.stereonet.checkpoint import read_checkpoint
from reference.stereonet.data import Pairs, load_sides
from reference.stereonet.folded import WholePair
from reference.stereonet.metrics import StereoMetrics, to_floats
from reference.stereonet.networks import StereoNet
from reference.stereonet.scenes import HEIGHT, WIDTH
from reference.stereonet.settings import Settings
from reference.stereonet.volume import soft_argmin

if TYPE_CHECKING:
    from harness.method import Images, Tensors

COSINE = 0.99
CALIBRATION_PAIRS, EVALUATION_PAIRS = 32, 16


def shipped() -> WholePair:
    """Return the shipped network as one model."""
    return whole_deployable(weights_file("stereonet.safetensors")).module  # type: ignore[return-value]


def whole_deployable(checkpoint: Path) -> Deployable:
    """Return a checkpoint as one model from a pair to its costs, on stereograms."""
    trained = read_checkpoint(checkpoint)
    network = trained.network()
    settings = Settings(disparities=trained.structure.disparities)
    sides = load_sides(None, settings, count=CALIBRATION_PAIRS)
    judged = sides.test.take(list(range(EVALUATION_PAIRS)))
    examples = to_floats(torch.from_numpy(sides.train.pictures()))
    return Deployable(
        name="stereonet_whole",
        module=WholePair(network, examples, HEIGHT),
        contract=InputContract((3, 2 * HEIGHT, WIDTH), range=(-1.0, 1.0)),
        outputs=("costs",),
        calibration=_stacked(sides.train),
        evaluation=EvaluationSet(judged.ids, _stacked(judged)),
        tolerance={"costs": Tolerance(cosine=COSINE)},
        metrics=CostMetrics(network, judged),
        seeds={"training": int(trained.job["seed"])},
    )


class CostMetrics:
    """`StereoMetrics` of costs, from which the host takes the soft arg min and refines.

    Args:
        network: In evaluation mode.
        pairs: Those that are judged by.
    """

    def __init__(self, network: StereoNet, pairs: Pairs) -> None:
        self.network = network
        self.stereo = StereoMetrics(network, pairs.truths())

    @torch.no_grad()
    def __call__(self, outputs: Tensors, evaluation: EvaluationSet) -> dict[str, float]:
        """Return the metrics of `costs`."""
        both = to_floats(torch.from_numpy(evaluation.inputs))
        left, right = both[:, :, :HEIGHT], both[:, :, HEIGHT:]
        costs = torch.from_numpy(np.asarray(outputs["costs"], np.float32))
        exact = self.network(left, right)[-1]
        return self.stereo.of_disparities(self._refined(costs, left), exact, evaluation.ids)

    def _refined(self, costs: Tensor, left: Tensor) -> Tensor:
        coarse = soft_argmin(costs) * self.network.structure.scale
        return self.network.refine(coarse, left)[-1]


def _stacked(pairs: Pairs) -> Images:
    """Return each left picture above its right one: uint8 [N, 3, 2 H, W]."""
    return np.concatenate([pairs.left, pairs.right], axis=2)
