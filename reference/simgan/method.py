"""SimGAN's refiner behind the interface of all methods.

PyTorch is imported where it is needed, so that listing the methods stays quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.method import (
    Deployable,
    EvaluationSet,
    Fold,
    InputContract,
    MethodInfo,
    Tolerance,
    TrainJob,
)
from reference.shipped import weights_file
from reference.simgan.settings import Settings
from reference.simgan.structure import EYE, deployed_macs, deployed_parameters
from reference.training.folds import refuse_folds

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.method import Tensors
    from reference.simgan.checkpoint import Networks
    from reference.simgan.data import Gaze

CALIBRATION_PICTURES = 64
EVALUATION_PICTURES = 32
WEIGHTS = "simgan.safetensors"
# A peak signal-to-noise ratio of 35 dB over the range of the tanh, −1 to 1.
RMSE = 2 * 10 ** (-35 / 20)
PAPER = (
    "Shrivastava et al., Learning from Simulated and Unsupervised Images through Adversarial "
    "Training, CVPR 2017, https://arxiv.org/abs/1612.07828"
)


class SimGAN:
    """Synthetic pictures → pictures that look like photographs and keep their labels."""

    def info(self) -> MethodInfo:
        """Say what this method is; see `harness.method.Method.info`."""
        settings = Settings()
        return MethodInfo(
            name="simgan",
            title="Refiner of synthetic eyes by adversarial training",
            paper=PAPER,
            input=InputContract(shape=(1, *EYE), color="GRAY", range=(-1.0, 1.0)),
            parameters=deployed_parameters(settings.width),
            macs=deployed_macs(settings.width),
            options=Settings.described(),
        )

    def shipped(self) -> Path:
        """Return the weights of the small experiment; see `harness.method.Shipping`."""
        return weights_file(WEIGHTS)

    def train(self, job: TrainJob) -> Path:
        """Train on rendered eyes or the job's pictures; see `harness.method.Method.train`."""
        from reference.simgan.train import train

        return train(job)

    def deployable(
        self, checkpoint: Path, data: Path | None = None, fold: Fold | None = None
    ) -> Deployable:
        """Load a checkpoint; calibrate on training and compare on held-out synthetic pictures.

        Raises:
            MethodError: The checkpoint is none of this method, or a fold was asked for.
            DataError: A domain is empty, or a picture cannot be used.
        """
        import torch

        from reference.blocks.unrolling import unroll_module
        from reference.simgan.checkpoint import read_checkpoint
        from reference.simgan.data import as_floats, contract, load_pictures, rendered_pictures

        refuse_folds("simgan", fold)
        trained = read_checkpoint(checkpoint)
        if data is None:
            # The first ones are the same however many are rendered.
            pictures = rendered_pictures(CALIBRATION_PICTURES, 1, EVALUATION_PICTURES)
        else:
            pictures = load_pictures(data, Settings())
        judged = pictures.held_out.take(
            list(range(min(EVALUATION_PICTURES, len(pictures.held_out))))
        )
        calibration = pictures.synthetic.images[:CALIBRATION_PICTURES]
        examples = as_floats(torch.from_numpy(calibration))
        return Deployable(
            name="simgan",
            # Its additions would run on the CPU, and take fifty times as long as all the rest.
            module=unroll_module(trained.networks.refiner, examples),
            contract=contract(),
            outputs=("refined",),
            calibration=calibration,
            evaluation=EvaluationSet(judged.ids, judged.images),
            tolerance={"refined": Tolerance(rmse=RMSE)},
            metrics=_metrics(trained.networks, pictures.held_out_gaze),
            seeds={"training": int(trained.job["seed"])},
        )

    def artefacts(
        self,
        deployable: Deployable,
        kmodel: Path,  # noqa: ARG002  the interface of all methods
        training: Path,
        out: Path,
    ) -> Mapping[str, str]:
        """Write pictures before and after, and curves; see `harness.method.Method`."""
        from reference.simgan.artefacts import write_artefacts

        return write_artefacts(deployable, training, out)


def _metrics(
    networks: Networks, gaze: Gaze | None
) -> Callable[[Tensors, EvaluationSet], dict[str, float]]:
    """Return how refined pictures are judged: by the discriminator, and by gaze where known."""

    def metrics(outputs: Tensors, evaluation: EvaluationSet) -> dict[str, float]:
        import torch

        from reference.simgan.estimator import gaze_metrics, run
        from reference.simgan.losses import probability

        refined = torch.from_numpy(outputs["refined"])
        real = 1 - probability(run(networks.discriminator, refined)).mean().item()
        found = {"taken_for_real": real}
        if networks.estimator is not None and gaze is not None:
            found |= gaze_metrics(networks.estimator, refined, gaze[: len(evaluation)])
        return found

    return metrics
