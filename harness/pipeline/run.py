"""One run: measure a deployable, then write everything about it into one folder."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.backends.board import BoardBackend
from harness.board import choose
from harness.compare import Comparison
from harness.compiler.build import CompiledModel
from harness.compiler.contract import read_model
from harness.files import write_text
from harness.method import Deployable
from harness.pipeline import classification, record
from harness.pipeline.environment import environment
from harness.pipeline.folder import RunFolder
from harness.pipeline.measure import Measured, check_backends, measure
from harness.pipeline.output_pictures import output_pictures
from harness.pipeline.prediction import prediction_record
from harness.progress import SILENT, Progress
from harness.report.extra import check_report_extra
from harness.report.html import write_html
from harness.report.schema import (
    CrossValidationRecord,
    DataRecord,
    DisagreementRecord,
    OperationRecord,
    Report,
)

# Results of a board, kept until it has run all inputs: the same command goes on there.
BOARD_CHECKPOINT = "board.partial.jsonl"

# Called when everything is compiled, to add files: (compiled model, folder) → name → path.
Artefacts = Callable[[CompiledModel, Path], Mapping[str, str]]


@dataclass(frozen=True)
class RunRequest:
    """What to run and where to.

    Attributes:
        method: Name of the method, or of the user's factory.
        backends: Names; the first is what the others are compared with.
        data: Where the evaluation data came from, in words.
        calibrate_method: How nncase takes ranges from the calibration images.
        rewrites: Rewrites of the legaliser that were asked for: name → mode.
        board: Which board the backend `board` is: `auto`, `virtual`, or a port.
        cross_validation: Figures over folds, when they were asked for.
        artefacts: What else is written into the folder.
        progress: Who is told.
        compiled: The compiled model, where there is one already.
    """

    method: str
    backends: tuple[str, ...] = ("float", "nncase")
    data: str = ""
    calibrate_method: str = "no_clip"
    rewrites: Mapping[str, str] = field(default_factory=dict)
    board: str = "auto"
    cross_validation: CrossValidationRecord | None = None
    artefacts: Artefacts | None = None
    progress: Progress = SILENT
    compiled: CompiledModel | None = None


@dataclass(frozen=True)
class RunResult:
    """What came of a run.

    Attributes:
        folder: Where everything is.
        report: The content of `report.json`.
        comparisons: The first backend against each other one.
    """

    folder: Path
    report: Report
    comparisons: tuple[Comparison, ...]


def execute(deployable: Deployable, out: Path, request: RunRequest) -> RunResult:
    """Run a deployable and write its run folder.

    Raises:
        HarnessError: Whatever stage fails; no result is written before all backends have run.
    """
    check_request(request)
    with RunFolder.claim(out) as folder:
        return execute_in(folder, deployable, request)


def execute_in(folder: RunFolder, deployable: Deployable, request: RunRequest) -> RunResult:
    """Run a deployable into a folder that is claimed already."""
    measured = measure(
        deployable,
        request.backends,
        calibrate_method=request.calibrate_method,
        rewrites=request.rewrites,
        board=request.board,
        checkpoint=folder.path / BOARD_CHECKPOINT,
        progress=request.progress,
        compiled=request.compiled,
    )
    folder.forget_results()
    report = _write(folder, measured.deployable, measured, request)
    return RunResult(folder.path, report, measured.comparisons)


def check_request(request: RunRequest) -> None:
    """Find out before any work whether a run can be finished.

    Raises:
        HarnessError: A backend does not exist, the extra that reports need is missing, or the
            board does not answer.
    """
    check_backends(request.backends)
    check_report_extra()
    if BoardBackend.name in request.backends:
        choose.check(request.board)


def _write(
    folder: RunFolder, deployable: Deployable, measured: Measured, request: RunRequest
) -> Report:
    predicted = classification.predictions(deployable, measured.results)
    artefacts: Mapping[str, str] = {}
    if measured.compiled is not None:
        measured.compiled.write(folder.path)
        read_model(folder.path)
        log = f"{measured.compiled.log}{measured.compiled.stock.line}\n"
        write_text(folder.path / "log.txt", log)
        if request.artefacts is not None:
            artefacts = request.artefacts(measured.compiled, folder.path)
    for name, result in measured.results.items():
        folder.write_outputs(name, result.outputs)
    folder.write_items(record.items(deployable, measured.results, predicted))
    disagreements, pictures = record.disagreements(deployable, predicted)
    shown = output_pictures(deployable, measured.results)
    folder.write_pictures(pictures | shown)
    named = {
        f"{caption}: {shows}": f"pictures/{name}" for name, (_, caption, shows) in shown.items()
    }
    artefacts = named | dict(artefacts)
    report = _report(folder, deployable, measured, request, predicted, disagreements, artefacts)
    write_html(report, folder.path)
    report.write(folder.path)
    return report


def _report(
    folder: RunFolder,
    deployable: Deployable,
    measured: Measured,
    request: RunRequest,
    predicted: classification.Predictions,
    disagreements: tuple[DisagreementRecord, ...],
    artefacts: Mapping[str, str],
) -> Report:
    compiled = measured.compiled
    comparisons = record.comparison_records(measured.comparisons)
    failed = any(entry.within_tolerance is False for entry in comparisons)
    return Report(
        schema=1,
        method=request.method,
        run_id=_run_id(folder.path),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        environment=environment(),
        contract=_contract(deployable, compiled),
        data=DataRecord(
            source=request.data,
            items=len(deployable.evaluation),
            classes=deployable.evaluation.classes,
            warnings=(*deployable.warnings, *classification.remarks(deployable, predicted)),
        ),
        backends={
            name: record.backend_record(deployable, result, predicted)
            for name, result in measured.results.items()
        },
        comparisons=comparisons,
        operations=tuple(
            OperationRecord(**asdict(placed)) for placed in (compiled.placement if compiled else ())
        ),
        disagreements=disagreements,
        cross_validation=request.cross_validation,
        board=record.board_record(measured.results),
        prediction=prediction_record(compiled, measured.results),
        artefacts=artefacts,
        verdict="fail" if failed else "pass",
    )


def _contract(deployable: Deployable, compiled: CompiledModel | None) -> dict[str, Any]:
    if compiled is not None:
        return compiled.contract.model_dump(mode="json", by_alias=True)
    return {"name": deployable.name, "input": asdict(deployable.contract)}


def _run_id(path: Path) -> str:
    moment = time.time_ns().to_bytes(8, "big")
    return f"{path.name}-{hashlib.sha256(moment + str(path).encode()).hexdigest()[:8]}"
