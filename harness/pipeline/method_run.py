"""`k210 run`: train a method, deploy it, run it, and cross-validate it when asked to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harness.compare import compare
from harness.compare.statistics import wilson_interval
from harness.compiler.build import CompiledModel
from harness.compiler.contract import KMODEL_FILE
from harness.errors import MethodError
from harness.files import write_bytes
from harness.method import Deployable, Fold, Method, Shipping, TrainJob
from harness.pipeline import classification, record
from harness.pipeline.folder import RunFolder
from harness.pipeline.measure import Measured, measure
from harness.pipeline.run import BOARD_CHECKPOINT, RunRequest, RunResult, check_request, execute_in
from harness.report.schema import ComparisonRecord, CrossValidationRecord

CHECKPOINT_FILE = "checkpoint.safetensors"


@dataclass(frozen=True)
class MethodRun:
    """A method, how to train it, and how to run it.

    Attributes:
        method: The method.
        job: Its training; `job.out` is the run folder, below which training is kept.
        request: The run.
        checkpoint: Weights to take instead of training.
        folds: Number of cross-validation folds; 0 for none.
    """

    method: Method
    job: TrainJob
    request: RunRequest
    checkpoint: Path | None = None
    folds: int = 0


def run_method(run: MethodRun) -> RunResult:
    """Train where need be, run, and write the run folder."""
    check_request(run.request)
    with RunFolder.claim(run.job.out) as folder:
        return _run_in(folder, run)


def _run_in(folder: RunFolder, run: MethodRun) -> RunResult:
    out = folder.path
    folded = _cross_validate(run) if run.folds else None
    training = out / "training"
    checkpoint = run.checkpoint or _shipped(run) or run.method.train(replace(run.job, out=training))
    deployable = run.method.deployable(checkpoint, run.job.data)
    if checkpoint.resolve() != (out / CHECKPOINT_FILE).resolve():
        write_bytes(out / CHECKPOINT_FILE, checkpoint.read_bytes())

    def artefacts(compiled: CompiledModel, into: Path) -> Mapping[str, str]:
        # What a person puts onto a board has to be what stock firmware loads.
        stock = compiled.stock
        kmodel = into / (KMODEL_FILE if stock.data is None else stock.file)
        return run.method.artefacts(deployable, kmodel, training, into)

    request = replace(run.request, artefacts=artefacts, cross_validation=folded)
    return execute_in(folder, deployable, request)


def _shipped(run: MethodRun) -> Path | None:
    """Return the method's own weights, unless a training of any other kind was asked for."""
    plain = TrainJob(out=run.job.out, device=run.job.device, progress=run.job.progress)
    if not isinstance(run.method, Shipping) or run.job != plain:
        return None
    run.request.progress.say("taking the weights that come with the method")
    return run.method.shipped()


def _cross_validate(run: MethodRun) -> CrossValidationRecord:
    """Judge every item by a model that has not seen it, and pool the items of all folds."""
    deployables, measured = [], []
    for index in range(run.folds):
        fold = Fold(index, run.folds)
        run.request.progress.say(f"fold {index + 1} of {run.folds}")
        job = replace(run.job, out=run.job.out / "folds" / str(index), fold=fold)
        deployable = run.method.deployable(run.method.train(job), run.job.data, fold)
        _check_labelled(deployable)
        one = measure(
            deployable,
            run.request.backends,
            calibrate_method=run.request.calibrate_method,
            rewrites=run.request.rewrites,
            board=run.request.board,
            checkpoint=job.out / BOARD_CHECKPOINT,
            progress=run.request.progress,
        )
        deployables.append(one.deployable)
        measured.append(one)
    return _pool(deployables, measured, run.request.backends)


def _check_labelled(deployable: Deployable) -> None:
    if deployable.evaluation.labels is None or not deployable.evaluation.classes:
        raise MethodError(
            f"{deployable.name} has no class labels to cross-validate with",
            "leave out --folds",
        )


def _pool(
    deployables: list[Deployable], measured: list[Measured], backends: tuple[str, ...]
) -> CrossValidationRecord:
    hits: dict[str, list[int]] = {name: [] for name in backends}
    for deployable, one in zip(deployables, measured, strict=True):
        predicted = classification.predictions(deployable, one.results)
        for name in backends:
            hits[name].append(int(np.sum(predicted[name] == deployable.evaluation.labels)))
    sizes = [len(deployable.evaluation) for deployable in deployables]
    total = sum(sizes)
    return CrossValidationRecord(
        folds=len(sizes),
        items=total,
        accuracy={name: sum(counts) / total for name, counts in hits.items()},
        intervals={name: wilson_interval(sum(counts), total) for name, counts in hits.items()},
        fold_accuracy={
            name: tuple(hit / size for hit, size in zip(counts, sizes, strict=True))
            for name, counts in hits.items()
        },
        comparisons=_pooled_comparisons(deployables, measured, backends),
    )


def _pooled_comparisons(
    deployables: list[Deployable], measured: list[Measured], backends: tuple[str, ...]
) -> tuple[ComparisonRecord, ...]:
    pooled = {
        name: {
            output: np.concatenate([one.results[name].outputs[output] for one in measured])
            for output in deployables[0].outputs
        }
        for name in backends
    }
    ids = [identifier for one in deployables for identifier in one.evaluation.ids]
    first, *others = backends
    comparisons = tuple(
        compare(
            pooled[first],
            pooled[other],
            names=(first, other),
            tolerance=deployables[0].tolerance,
            ids=ids,
        )
        for other in others
    )
    return record.comparison_records(comparisons)
