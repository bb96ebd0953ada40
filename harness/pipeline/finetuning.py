"""`k210 finetune`: compile, train through the exact arithmetic, and write a run of what came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import harness
from harness.backends.base import Subject
from harness.backends.floating import FloatBackend
from harness.backends.kpu import KpuBackend
from harness.compare.metrics import top1
from harness.compiler.build import CompiledModel, compile_deployable
from harness.compiler.contract import KMODEL_FILE, read_model, read_onnx, sha256, weights_sha256
from harness.compiler.placement import Placed
from harness.compiler.stock import stock_model
from harness.data.images import read_inputs
from harness.errors import ContractError, UsageError
from harness.files import write_bytes, write_json
from harness.finetune.data import check_trainable, lessons
from harness.finetune.finetune import Finetuned, Settings, finetune
from harness.finetune.write_back import write_back
from harness.kmodel import load, save
from harness.method import Deployable, Method
from harness.pipeline.folder import RunFolder, check_folder
from harness.pipeline.method_run import CHECKPOINT_FILE
from harness.pipeline.run import RunRequest, RunResult, check_request, execute_in
from harness.report.schema import read_report
from harness.simulator.simulator import check_device

FINETUNE_FILE = "finetune.json"
FOLDER = "finetune"
# Inputs on which the written file is compared with the trained module.
COMPARED = 32


@dataclass(frozen=True)
class FinetuneRun:
    """What to fine-tune, and how.

    Attributes:
        method: The method.
        request: The run of what came out.
        out: The run folder.
        data: The data that the checkpoint was trained on; None for the method's own.
        checkpoint: Weights to compile, or None.
        run: Run folder whose compiled model and weights are taken, or None.
        calibration: How many of the method's calibration images, or a folder of pictures; None
            for all of the method's.
        settings: How to train.
    """

    method: Method
    request: RunRequest
    out: Path
    data: Path | None = None
    checkpoint: Path | None = None
    run: Path | None = None
    calibration: str | None = None
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True)
class FinetuneResult:
    """The run, and what `finetune.json` says."""

    run: RunResult
    document: dict[str, Any]


def run_finetune(wanted: FinetuneRun) -> FinetuneResult:
    """Compile, measure, train, and write the run folder of the better model.

    Raises:
        HarnessError: Whatever stage fails; no result is written before all is measured.
    """
    check_request(wanted.request)
    check_folder(wanted.out)
    if wanted.run is not None and wanted.run.resolve() == wanted.out.resolve():
        raise UsageError(
            f"{wanted.out} is the run that is fine-tuned, and would be lost",
            "name another folder with --out",
        )
    check_device(wanted.settings.device)
    checkpoint = _checkpoint(wanted)
    deployable = wanted.method.deployable(checkpoint, wanted.data)
    check_trainable(deployable)
    deployable = replace(deployable, calibration=_calibration(deployable, wanted.calibration))
    before = _compiled(wanted, deployable)
    with RunFolder.claim(wanted.out) as folder:
        return _run_in(folder, wanted, deployable, before, checkpoint)


def _run_in(
    folder: RunFolder,
    wanted: FinetuneRun,
    deployable: Deployable,
    before: CompiledModel,
    checkpoint: Path,
) -> FinetuneResult:
    progress = wanted.request.progress
    found = lessons(deployable, progress)
    state = folder.path / FOLDER
    done = finetune(load(before.kmodel), found, wanted.settings, state, progress)
    after = _rewritten(before, done) if done.course.better else before
    document = _document(wanted, deployable, done, _accuracies(deployable, before, after, done))
    if checkpoint.resolve() != (folder.path / CHECKPOINT_FILE).resolve():
        write_bytes(folder.path / CHECKPOINT_FILE, checkpoint.read_bytes())

    def artefacts(compiled: CompiledModel, into: Path) -> Mapping[str, str]:
        write_json(into / FINETUNE_FILE, document)
        stock = compiled.stock
        kmodel = into / (KMODEL_FILE if stock.data is None else stock.file)
        made = wanted.method.artefacts(deployable, kmodel, into / FOLDER, into)
        return {**made, "fine-tuning, pass by pass": FINETUNE_FILE}

    request = replace(wanted.request, compiled=after, artefacts=artefacts)
    told = replace(deployable, warnings=(*deployable.warnings, _remark(document)))
    return FinetuneResult(execute_in(folder, told, request), document)


def _checkpoint(wanted: FinetuneRun) -> Path:
    if (wanted.run is None) == (wanted.checkpoint is None):
        raise UsageError(
            "give what to fine-tune, once: --run with a run folder, or --checkpoint with weights",
            "k210 run METHOD --out DIR makes both",
        )
    return wanted.checkpoint or (wanted.run or Path()) / CHECKPOINT_FILE


def _compiled(wanted: FinetuneRun, deployable: Deployable) -> CompiledModel:
    if wanted.run is None:
        return compile_deployable(
            deployable, method=wanted.request.calibrate_method, progress=wanted.request.progress
        )
    if wanted.calibration is not None:
        raise UsageError(
            "--calibration has no say over a model that is compiled already",
            "give --checkpoint instead of --run to compile anew",
        )
    return _of_run(wanted.run, deployable)


def _of_run(folder: Path, deployable: Deployable) -> CompiledModel:
    """Read the compiled model of a run, and make sure that it was made of the checkpoint.

    Raises:
        ContractError: The files in the folder do not belong together.
    """
    contract, kmodel = read_model(folder)
    if contract.weights_sha256 != weights_sha256(deployable.module):
        raise ContractError(
            f"{folder / KMODEL_FILE} was not made of the weights in {CHECKPOINT_FILE}",
            "run k210 run again, or give --checkpoint to compile anew",
        )
    placed = [Placed(**dict(one)) for one in read_report(folder).operations]
    return CompiledModel(
        kmodel=kmodel,
        stock=stock_model(kmodel),
        onnx=read_onnx(folder, contract),
        contract=contract,
        placement=tuple(placed),
        rewrites=(),  # the contract tells them
        log="",
        cached=True,
    )


def _calibration(deployable: Deployable, wanted: str | None) -> npt.NDArray[np.uint8]:
    """Return the images that quantisation looks at.

    Raises:
        UsageError: The method has fewer, or the text is neither a number nor a folder.
    """
    images = deployable.calibration
    if wanted is None:
        return images
    if not wanted.isdecimal():
        _, pictures = read_inputs(Path(wanted), deployable.contract)
        return pictures
    count = int(wanted)
    if not 1 <= count <= len(images):
        raise UsageError(
            f"--calibration {count}: the method has 1 to {len(images)} calibration images",
            "or give a folder of pictures",
        )
    places = np.linspace(0, len(images) - 1, count).round().astype(int)
    return np.ascontiguousarray(images[places])


def _rewritten(before: CompiledModel, done: Finetuned) -> CompiledModel:
    """Return the compiled model with the trained numbers in its files and its contract."""
    kmodel = write_back(done.module, done.kept_back.inputs[:COMPARED])
    stock = stock_model(kmodel)
    contract = before.contract.model_copy(
        update={
            "kmodel_sha256": sha256(kmodel),
            "compiler": f"{before.contract.compiler}, "
            f"fine-tuned by k210-harness {harness.__version__}",
            "stock": (),
            "stock_refusal": stock.refusal,
        }
    )
    if stock.data is not None:
        contract = contract.with_stock(stock.file, stock.version, stock.data)
    return replace(before, kmodel=kmodel, stock=stock, contract=contract)


def _accuracies(
    deployable: Deployable, before: CompiledModel, after: CompiledModel, done: Finetuned
) -> dict[str, float]:
    """Return the share of right answers on the evaluation items, which nothing was learnt from.

    Of the float model, of the model as it was compiled, of the one with balanced channels where
    they helped, and of what came out.
    """
    evaluation = deployable.evaluation

    def of(backend: FloatBackend | KpuBackend, kmodel: bytes | None) -> float:
        subject = Subject(deployable.contract, deployable.outputs, deployable.module, kmodel)
        outputs = backend.run(subject, evaluation.inputs).outputs
        found = top1(outputs[deployable.outputs[0]])
        return float(np.mean(found == evaluation.labels))

    finetuned = of(KpuBackend(), after.kmodel)
    balanced = {}
    if done.course.balanced is not None:
        alone = done.balanced and save(done.balanced.trained())
        balanced = {"balanced": of(KpuBackend(), alone) if alone else finetuned}
    return {
        "float": of(FloatBackend(), None),
        "compiled": of(KpuBackend(), before.kmodel),
        **balanced,
        "finetuned": finetuned,
    }


def _document(
    wanted: FinetuneRun, deployable: Deployable, done: Finetuned, accuracy: dict[str, float]
) -> dict[str, Any]:
    course = done.course
    return {
        "schema": 1,
        "accuracy": accuracy,
        "items": len(deployable.evaluation),
        "kept": _kept(done),
        "helped": list(course.helped),
        "best_epoch": course.best,
        "start": asdict(course.start),
        "balanced": asdict(course.balanced) if course.balanced else None,
        "epochs": [asdict(one) for one in course.epochs],
        "learnt_from": done.learnt,
        "kept_back": len(done.kept_back),
        "calibration_images": None if wanted.run else len(deployable.calibration),
        "ranges_trained": len(done.module.ranges),
        "no_gradient_through": done.module.stops,
        "settings": asdict(wanted.settings),
    }


def _kept(done: Finetuned) -> str:
    """Return which model stays: as it was compiled, with balanced channels, or trained."""
    if not done.course.better:
        return "compiled"
    return "finetuned" if done.course.best else "balanced"


def _remark(document: Mapping[str, Any]) -> str:
    accuracy = document["accuracy"]
    told = ", ".join(f"{name} {share:.4f}" for name, share in accuracy.items())
    if document["kept"] == "compiled":
        return (
            f"fine-tuning found nothing better: the model is as it was compiled (accuracy {told})"
        )
    if document["kept"] == "balanced":
        return f"balancing the channels helped, and no pass of the training did; accuracy {told}"
    both = "balancing the channels and training" if document["balanced"] else "training"
    return f"{both} helped, best behind epoch {document['best_epoch']}; accuracy {told}"
