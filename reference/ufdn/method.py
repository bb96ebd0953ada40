"""UFDN behind the interface of all methods.

PyTorch is imported where it is needed, so that listing the methods stays quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

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
from reference.training.folds import refuse_folds
from reference.ufdn.settings import Settings
from reference.ufdn.structure import deployed_macs, deployed_parameters

CLASSES, DOMAINS = 10, 2
# Of each domain.
CALIBRATION_PICTURES, EVALUATION_PICTURES = 64, 100
# What bytes may cost: of the classes, of the angle of codes, and in pictures of −1 to 1 (0.1 is a
# signal of 26 dB at full range).
AGREEMENT = 0.97
CODE_LIMIT = Tolerance(cosine=0.99)
PICTURE_LIMIT = Tolerance(cosine=0.99, rmse=0.1)
PAPER = (
    "Liu et al., A Unified Feature Disentangler for Multi-Domain Image Translation and "
    "Manipulation, NeurIPS 2018, https://arxiv.org/abs/1809.01361"
)


class UFDN:
    """Pictures of many domains → codes that no domain can be read from, and pictures of one."""

    def info(self) -> MethodInfo:
        """Say what this method is; see `harness.method.Method.info`."""
        settings = Settings()
        structure = settings.structure(DOMAINS)
        return MethodInfo(
            name="ufdn",
            title="Codes without a domain, and pictures in any, UFDN",
            paper=PAPER,
            input=InputContract((3, settings.side, settings.side), range=(-1.0, 1.0)),
            parameters=deployed_parameters(structure, CLASSES),
            macs=deployed_macs(structure, CLASSES),
            options=Settings.described(),
        )

    def train(self, job: TrainJob) -> Path:
        """Train on the job's domains; see `harness.method.Method.train`."""
        from reference.ufdn.train import train

        return train(job)

    def shipped(self) -> Path:
        """Return the weights that come with the package: handwriting, scanned and on signs."""
        return weights_file("ufdn.safetensors")

    def deployable(
        self, checkpoint: Path, data: Path | None = None, fold: Fold | None = None
    ) -> Deployable:
        """Load a checkpoint; calibrate on what is learnt from, compare on what judges.

        Raises:
            MethodError: The checkpoint is none of this method, or a fold was asked for.
            DataError: A domain is missing or too small, or has other classes.
        """
        from reference.ufdn.checkpoint import read_checkpoint
        from reference.ufdn.data import check_known, contract, first, join, load_domains
        from reference.ufdn.deploy import deployed, outputs
        from reference.ufdn.metrics import DeployedMetrics

        refuse_folds("ufdn", fold)
        trained = read_checkpoint(checkpoint)
        domains = load_domains(data, trained.settings)
        check_known(trained.domains, trained.classes, domains)
        judging = [first(side, EVALUATION_PICTURES) for side in domains.test]
        known = [first(side, CALIBRATION_PICTURES) for side in domains.train]
        module = deployed(trained)
        ids, images, labels = join(judging)
        return Deployable(
            name="ufdn",
            module=module,
            contract=contract(trained.settings.side),
            outputs=outputs(trained),
            calibration=join(known)[1],
            evaluation=EvaluationSet(ids, images, labels, trained.classes),
            tolerance=_tolerance(outputs(trained), len(ids)),
            metrics=DeployedMetrics(module, domains, judging),
            seeds={"training": int(trained.job["seed"])},
        )

    def artefacts(
        self,
        deployable: Deployable,
        kmodel: Path,  # noqa: ARG002  the same for all methods
        training: Path,
        out: Path,
    ) -> Mapping[str, str]:
        """Write the pictures of all domains beside what they became, and the terms by epoch."""
        from reference.ufdn.artefacts import write_artefacts

        return write_artefacts(deployable, training, out)


def _tolerance(outputs: tuple[str, ...], pictures: int) -> dict[str, Tolerance]:
    # Of few pictures a single one that tips over is more than three in a hundred.
    agreement = min(AGREEMENT, (pictures - 1) / pictures)
    limits = {
        "logits": Tolerance(top1_agreement=agreement),
        "code": CODE_LIMIT,
        "picture": PICTURE_LIMIT,
    }
    return {name: limits[name] for name in outputs}
