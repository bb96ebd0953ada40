"""The coin classifier behind the interface of all methods.

PyTorch is imported where it is needed, so that listing the methods stays quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.errors import DataError
from harness.method import (
    Deployable,
    Fold,
    InputContract,
    MethodInfo,
    Tolerance,
    TrainJob,
)
from reference.coin_classifier.settings import Settings
from reference.coin_classifier.structure import mac_count, parameter_count

CALIBRATION_PICTURES = 32
SAMPLE_CLASSES = 3
COSINE, AGREEMENT = 0.99, 0.97


class CoinClassifier:
    """Photographs of up to ten kinds of object → a classifier that the K210 runs."""

    def info(self) -> MethodInfo:
        """Say what this method is; see `harness.method.Method.info`."""
        settings = Settings()
        return MethodInfo(
            name="coin_classifier",
            title="V-Training style picture classifier, MobileNet V1",
            paper="Howard et al., MobileNets, 2017, https://arxiv.org/abs/1704.04861",
            input=InputContract(shape=(3, settings.size, settings.size)),
            parameters=parameter_count(settings.width, SAMPLE_CLASSES),
            macs=mac_count(settings.width, settings.size, SAMPLE_CLASSES),
            options=Settings.described(),
        )

    def train(self, job: TrainJob) -> Path:
        """Train on the job's photographs; see `harness.method.Method.train`."""
        from reference.coin_classifier.train import train

        return train(job)

    def deployable(
        self, checkpoint: Path, data: Path | None = None, fold: Fold | None = None
    ) -> Deployable:
        """Load a checkpoint; calibrate on training and compare on validation pictures.

        Raises:
            MethodError: The checkpoint is none of this method.
            DataError: The data break a rule, or have other classes than the checkpoint.
        """
        from reference.blocks.folding import fold_module
        from reference.coin_classifier.checkpoint import read_checkpoint
        from reference.coin_classifier.data import contract, load_pictures, spread
        from reference.coin_classifier.metrics import task_metrics

        trained = read_checkpoint(checkpoint)
        pictures = load_pictures(data, trained.size, fold)
        _check_classes(trained.classes, pictures.classes)
        places = spread(len(pictures.train.ids), CALIBRATION_PICTURES)
        return Deployable(
            name="coin_classifier",
            module=fold_module(trained.network()),
            contract=contract(trained.size),
            outputs=("logits",),
            calibration=pictures.train.images[places],
            evaluation=pictures.evaluation(),
            tolerance={"logits": _tolerance(len(pictures.valid.ids))},
            metrics=task_metrics,
            seeds={"training": int(trained.job["seed"])},
            warnings=pictures.warnings,
            training=pictures.learning(),
        )

    def artefacts(
        self, deployable: Deployable, kmodel: Path, training: Path, out: Path
    ) -> Mapping[str, str]:
        """Write SD card archive, mail table and pictures; see `harness.method.Method`."""
        from reference.coin_classifier.artefacts import write_artefacts

        return write_artefacts(deployable, kmodel, training, out)


def _tolerance(pictures: int) -> Tolerance:
    # Of few pictures a single one that tips over is more than three in a hundred.
    one_differs = (pictures - 1) / pictures
    return Tolerance(cosine=COSINE, top1_agreement=min(AGREEMENT, one_differs))


def _check_classes(trained: tuple[str, ...], found: tuple[str, ...]) -> None:
    if trained != found:
        raise DataError(
            f"the checkpoint knows the classes {', '.join(trained)}, the data have "
            f"{', '.join(found)}",
            "give the data that the checkpoint was trained on, or train on these",
        )
