"""StereoNet behind the interface of all methods.

PyTorch is imported where it is needed, so that listing the methods stays quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.method import Deployable, Fold, InputContract, MethodInfo, Tolerance, TrainJob
from reference.shipped import weights_file
from reference.stereonet.structure import tower_macs, tower_parameters
from reference.training.folds import refuse_folds

HEIGHT, WIDTH = 96, 192
CALIBRATION_PAIRS, EVALUATION_PAIRS = 32, 16
# What bytes may cost: of the angle of the features, and in pixels of disparity behind them.
COSINE = 0.995
DRIFT_PX = 0.1
EPE_CHANGE_PX = 0.05


class StereoNetMethod:
    """A rectified pair → a disparity a pixel; the tower that looks at each picture is deployed."""

    def info(self) -> MethodInfo:
        """Say what this method is; see `harness.method.Method.info`."""
        from reference.stereonet.settings import Settings

        structure = Settings().structure
        return MethodInfo(
            name="stereonet",
            title="Disparity of a stereo pair by a small cost volume and refinement",
            paper="Khamis et al., StereoNet: Guided Hierarchical Refinement for Real-Time "
            "Edge-Aware Depth Prediction, ECCV 2018, https://arxiv.org/abs/1807.08865",
            input=InputContract((3, HEIGHT, WIDTH), range=(-1.0, 1.0)),
            parameters=tower_parameters(structure),
            macs=tower_macs(structure, HEIGHT, WIDTH),
            options=Settings.described(),
        )

    def shipped(self) -> Path:
        """Return the weights that come with the package: learnt from random-dot stereograms."""
        return weights_file("stereonet.safetensors")

    def train(self, job: TrainJob) -> Path:
        """Train on stereograms or the job's pairs; see `harness.method.Method.train`."""
        from reference.stereonet.train import train

        return train(job)

    def deployable(
        self, checkpoint: Path, data: Path | None = None, fold: Fold | None = None
    ) -> Deployable:
        """Load a checkpoint; calibrate on pairs to learn from, and compare on pairs to judge by.

        Raises:
            MethodError: The checkpoint is none of this method, or a fold was asked for.
            DataError: A pair is incomplete or too small, or nothing is known of its disparity.
        """
        import torch

        from reference.stereonet.checkpoint import read_checkpoint
        from reference.stereonet.data import load_sides
        from reference.stereonet.deploy import deployed
        from reference.stereonet.metrics import StereoMetrics, to_floats
        from reference.stereonet.pairs import contract
        from reference.stereonet.settings import Settings

        refuse_folds("stereonet", fold)
        trained = read_checkpoint(checkpoint)
        network = trained.network()
        settings = Settings(disparities=trained.structure.disparities)
        sides = load_sides(data, settings, count=CALIBRATION_PAIRS)
        judged = sides.test.take(list(range(min(EVALUATION_PAIRS, len(sides.test)))))
        known = sides.train.take(list(range(min(CALIBRATION_PAIRS, len(sides.train)))))
        calibration = known.pictures()
        return Deployable(
            name="stereonet",
            module=deployed(network.tower, to_floats(torch.from_numpy(calibration))),
            contract=contract(),
            outputs=("features",),
            calibration=calibration,
            evaluation=judged.evaluation(),
            tolerance={"features": Tolerance(cosine=COSINE)},
            metrics=StereoMetrics(network, judged.truths()),
            seeds={"training": int(trained.job["seed"])},
        )

    def artefacts(
        self,
        deployable: Deployable,
        kmodel: Path,  # noqa: ARG002  the interface of all methods
        training: Path,
        out: Path,
    ) -> Mapping[str, str]:
        """Write disparities beside their pictures, and the losses by epoch."""
        from reference.stereonet.artefacts import write_artefacts

        return write_artefacts(deployable, training, out)
