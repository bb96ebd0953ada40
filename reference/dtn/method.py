"""DTN behind the interface of all methods.

PyTorch is imported where it is needed, so that listing the methods stays quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.method import Deployable, Fold, InputContract, MethodInfo, Tolerance, TrainJob
from reference.dtn.structure import DIGITS, deployed_macs, encoder_parameters, generator_parameters
from reference.shipped import weights_file
from reference.training.folds import refuse_folds

WIDTH, CLASSES = 0.125, 10
CALIBRATION_PICTURES, EVALUATION_PICTURES = 64, 200
# What bytes may cost: of f's classes, of the angle of its codes, and in pictures of −1 to 1
# (0.1 is a signal of 26 dB at full range).
AGREEMENT = 0.97
CODE = Tolerance(cosine=0.995)
PICTURE = Tolerance(cosine=0.99, rmse=0.1)


class DTN:
    """Pictures of one domain → their like in another one, by a function that stays the same."""

    def info(self) -> MethodInfo:
        """Say what this method is; see `harness.method.Method.info`."""
        from reference.dtn.settings import Settings

        structure = DIGITS.scaled(WIDTH)
        head = (structure.code + 1) * CLASSES
        parts = encoder_parameters(structure, structure.source), generator_parameters(structure)
        return MethodInfo(
            name="dtn",
            title="Unsupervised domain transfer of pictures, DTN",
            paper="Taigman, Polyak and Wolf, Unsupervised Cross-Domain Image Generation, 2017, "
            "https://arxiv.org/abs/1611.02200",
            input=InputContract((DIGITS.source, DIGITS.side, DIGITS.side), range=(-1.0, 1.0)),
            parameters=sum(parts) + head,
            macs=deployed_macs(structure, CLASSES),
            options=Settings.described(),
        )

    def train(self, job: TrainJob) -> Path:
        """Train on the job's domains; see `harness.method.Method.train`."""
        from reference.dtn.train import train

        return train(job)

    def shipped(self) -> Path:
        """Return the weights that come with the package: house numbers to handwritten digits."""
        return weights_file("dtn.safetensors")

    def deployable(
        self, checkpoint: Path, data: Path | None = None, fold: Fold | None = None
    ) -> Deployable:
        """Load a checkpoint; calibrate on S to learn from, and compare on S to judge by.

        Raises:
            MethodError: The checkpoint is none of this method, or a fold was asked for.
            DataError: A domain is missing or too small, or has other classes.
        """
        from reference.dtn.checkpoint import read_checkpoint
        from reference.dtn.data import contract, load_domains, sample_domains
        from reference.dtn.deploy import OUTPUTS, deployed
        from reference.dtn.metrics import TransferMetrics
        from reference.dtn.train import check_classes

        refuse_folds("dtn", fold)
        trained = read_checkpoint(checkpoint)
        small = CALIBRATION_PICTURES, EVALUATION_PICTURES
        domains = load_domains(data) if data else sample_domains(*small)
        check_classes(trained.classes, domains.classes)
        return Deployable(
            name="dtn",
            module=deployed(trained),
            contract=contract(),
            outputs=OUTPUTS,
            calibration=domains.source.images[:CALIBRATION_PICTURES],
            evaluation=domains.source_test.evaluation(trained.classes),
            tolerance=_tolerance(len(domains.source_test)),
            metrics=TransferMetrics(trained.classifier(), trained.judge()),
            seeds={"training": int(trained.job["seed"])},
        )

    def artefacts(
        self,
        deployable: Deployable,
        kmodel: Path,  # noqa: ARG002  the same for all methods
        training: Path,
        out: Path,
    ) -> Mapping[str, str]:
        """Write the pictures of S and of T beside each other, and the terms by epoch."""
        from reference.dtn.artefacts import write_artefacts

        return write_artefacts(deployable, training, out)


def _tolerance(pictures: int) -> dict[str, Tolerance]:
    # Of few pictures a single one that tips over is more than three in a hundred.
    agreement = min(AGREEMENT, (pictures - 1) / pictures)
    logits = Tolerance(top1_agreement=agreement)
    return {"logits": logits, "code": CODE, "picture": PICTURE}
