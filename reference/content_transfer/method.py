"""Content transfer behind the interface of all methods.

PyTorch is imported where it is needed, so that listing the methods stays quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.method import Deployable, Fold, InputContract, MethodInfo, Tolerance, TrainJob
from reference.content_transfer.settings import Settings
from reference.content_transfer.structure import deployed_macs, deployed_parameters
from reference.shipped import weights_file
from reference.training.folds import refuse_folds

METHOD_NAME = "content_transfer"
CALIBRATION_PAIRS, EVALUATION_PAIRS = 64, 64
# What bytes may cost: in pictures of -1 to 1 (0.1 is a signal of 26 dB at full range), and of the
# angle of the codes.
PICTURE = Tolerance(cosine=0.99, rmse=0.1)
CODE = Tolerance(cosine=0.99)
# A crop of the input that nncase points into is misread by the KPU; the authors' encoders have
# 4x4 kernels, which the KPU lacks.
REWRITES = {"crop": "pool", "kernel": "kpu"}


class ContentTransferMethod:
    """A target and a guide → the target with what only the guide's domain has."""

    def info(self) -> MethodInfo:
        """Say what this method is; see `harness.method.Method.info`."""
        structure = Settings().structure
        return MethodInfo(
            name=METHOD_NAME,
            title="Transfer of content that only one domain has",
            paper="Press, Galanti, Benaim and Wolf, Emerging Disentanglement in Auto-Encoder Based "
            "Unsupervised Image Content Transfer, ICLR 2019, "
            "https://openreview.net/forum?id=BylE1205Fm",
            input=InputContract((3, 2 * structure.side, structure.side), range=(-1.0, 1.0)),
            parameters=deployed_parameters(structure),
            macs=deployed_macs(structure),
            options=Settings.described(),
        )

    def shipped(self) -> Path:
        """Return the weights of the small experiment; see `harness.method.Shipping`."""
        return weights_file(f"{METHOD_NAME}.safetensors")

    def train(self, job: TrainJob) -> Path:
        """Train on rendered faces or the job's pictures; see `harness.method.Method.train`."""
        from reference.content_transfer.train import train

        return train(job)

    def deployable(
        self, checkpoint: Path, data: Path | None = None, fold: Fold | None = None
    ) -> Deployable:
        """Load a checkpoint; calibrate on pairs to learn from, and compare on held-out ones.

        Raises:
            MethodError: The checkpoint is none of this method, or a fold was asked for.
            DataError: A domain is empty, or a picture cannot be used.
        """
        from reference.content_transfer.checkpoint import read_checkpoint
        from reference.content_transfer.data import (
            calibration_pairs,
            load_pictures,
            pair_contract,
            pairs,
            rendered_pictures,
        )
        from reference.content_transfer.deploy import OUTPUTS, DeployedTransfer
        from reference.content_transfer.metrics import TransferMetrics

        refuse_folds(METHOD_NAME, fold)
        trained = read_checkpoint(checkpoint)
        if data is None:
            # The first ones are the same however many are rendered.
            pictures = rendered_pictures(CALIBRATION_PAIRS, trained.side, EVALUATION_PAIRS)
        else:
            pictures = load_pictures(data, Settings(side=trained.side))
        judged = pairs(pictures, EVALUATION_PAIRS)
        return Deployable(
            name=METHOD_NAME,
            module=DeployedTransfer(trained.networks),
            contract=pair_contract(trained.side),
            outputs=OUTPUTS,
            calibration=calibration_pairs(pictures, CALIBRATION_PAIRS),
            evaluation=judged.evaluation,
            tolerance={"picture": PICTURE, "common": CODE, "specific": CODE},
            metrics=TransferMetrics(trained.judge, trained.probe, judged),
            seeds={"training": int(trained.job["seed"])},
            rewrites=REWRITES,
        )

    def artefacts(
        self,
        deployable: Deployable,
        kmodel: Path,  # noqa: ARG002  the same for all methods
        training: Path,
        out: Path,
    ) -> Mapping[str, str]:
        """Write targets, guides and transfers, and the terms by step."""
        from reference.content_transfer.artefacts import write_artefacts

        return write_artefacts(deployable, training, out)
