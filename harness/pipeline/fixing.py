"""`k210 blame RUN --fix`: what helps the model of a run, as a run folder beside it."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.blame.fix.base import Recipe
from harness.blame.fix.judge import Metrics
from harness.blame.fix.search import MOST_COMPILATIONS, try_fixes
from harness.blame.fix.tried import Tried
from harness.blame.result import Blame
from harness.compiler.contract import (
    CONTRACT_FILE,
    ONNX_FILE,
    ModelContract,
    read_model,
    read_onnx,
)
from harness.compiler.source import Source
from harness.data.images import read_inputs
from harness.errors import ContractError, UsageError
from harness.files import write_json
from harness.method import EvaluationSet, InputContract
from harness.pipeline.blame.pictures import check_calibration, method_deployable
from harness.pipeline.folder import RunFolder, write_array
from harness.progress import SILENT, Progress
from harness.report.schema import REPORT_FILE, read_report

FIXED, TRIED_FILE, CALIBRATION_FILE = "fixed", "fixed.json", "calibration.npy"

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class FixRequest:
    """What to fix.

    Attributes:
        run: The run folder.
        calibration: Where the calibration images are; None for those of the run's method.
        data: Where pictures to judge by are; None for where the run found them.
        most: How many compilations at most.
        progress: Who is told.
    """

    run: Path
    calibration: Path | None = None
    data: Path | None = None
    most: int = MOST_COMPILATIONS
    progress: Progress = SILENT


@dataclass(frozen=True)
class _Pictures:
    """What is calibrated with, and what is judged by."""

    calibration: Images
    evaluation: EvaluationSet
    metrics: Metrics | None = None


def fix_run(request: FixRequest, blame: Blame) -> Tried:
    """Try what helps, and write what is kept into `fixed/` below the run.

    Args:
        request: The run.
        blame: What was found in it: the costliest layers are tried in float.

    Raises:
        HarnessError: Files or pictures do not belong to the run, or are too few. Nothing is
            written then.
    """
    contract, _ = read_model(request.run)
    given = contract.input
    if given is None or contract.calibration is None:
        raise ContractError(
            f"{CONTRACT_FILE} does not say how the model was compiled",
            "compile it with this harness",
        )
    pictures = _pictures(request, given.to_contract())
    check_calibration(pictures.calibration, contract)
    tried = try_fixes(
        _recipe(request.run, contract, pictures.calibration),
        pictures.evaluation.inputs,
        costly=_nodes(blame),
        labels=pictures.evaluation,
        metrics=pictures.metrics,
        most=request.most,
        progress=request.progress,
    )
    _write(tried, request.run / FIXED)
    return tried


def _recipe(run: Path, contract: ModelContract, calibration: Images) -> Recipe:
    assert contract.input is not None
    assert contract.calibration is not None
    source = Source(
        contract.name,
        "onnx",
        read_onnx(run, contract),
        contract.input.to_contract(),
        contract.weights_sha256,
        dict(contract.seeds),
    )
    return Recipe(source, calibration, contract.calibration.method, contract.legalise)


def _pictures(request: FixRequest, given: InputContract) -> _Pictures:
    report = read_report(request.run) if (request.run / REPORT_FILE).exists() else None
    deployable = None
    if request.calibration is None:
        deployable = method_deployable(request.run, report, request.data)
    if deployable is not None:
        return _Pictures(deployable.calibration, deployable.evaluation, deployable.metrics)
    data = request.data or (Path(report.data.source) if report else None)
    if request.calibration is None or data is None:
        raise UsageError(
            f"{request.run} does not say which images it was calibrated with and judged by",
            "name them with --calibration and --data",
        )
    _, calibration = read_inputs(request.calibration, given, request.progress)
    ids, inputs = read_inputs(data, given, request.progress)
    return _Pictures(calibration, EvaluationSet(ids, inputs))


def _nodes(blame: Blame) -> tuple[str, ...]:
    """Return the ONNX nodes behind the costliest layers, the worst first."""
    found = [blame.row(name).node.split(", ") for name in blame.costliest]
    return tuple(dict.fromkeys(node for nodes in found for node in nodes))


def _write(tried: Tried, out: Path) -> None:
    with RunFolder.claim(out) as folder:
        folder.forget_results()
        tried.compiled.write(folder.path)
        write_array(folder.path / CALIBRATION_FILE, tried.recipe.calibration)
        write_json(folder.path / TRIED_FILE, document(tried, out))


def document(tried: Tried, out: Path) -> dict[str, Any]:
    """Return the content of `fixed.json`."""
    return {
        "schema": 1,
        "metric": tried.metric,
        "images": {"choosing": tried.images[0], "confirming": tried.images[1]},
        "kept": list(tried.kept),
        "total": asdict(tried.total),
        "compilations": tried.compilations,
        "command": command(tried, out),
        "tried": [asdict(row) for row in tried.rows],
    }


def command(tried: Tried, out: Path) -> str:
    """Return what compiles the same model again; mean and std are layers of `model.onnx`."""
    recipe = tried.recipe
    contract = recipe.source.contract
    words = ["k210", "compile", str(out / ONNX_FILE)]
    words += ["--calibration", str(out / CALIBRATION_FILE), "--calibrate", recipe.method]
    words += ["--range", ",".join(f"{end:g}" for end in contract.range)]
    words += ["--color", contract.color]
    for name, mode in recipe.rewrites.items():
        words += ["--legalise", f"{name}={mode}"]
    return shlex.join([*words, "--out", f"{out}-again"])
