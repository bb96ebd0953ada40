"""The road from a model to a kmodel: ONNX, shapes, quantisation, nncase, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from harness.compiler import onnx_graph
from harness.compiler.cache import CompileCache, key
from harness.compiler.contract import (
    KMODEL_FILE,
    ONNX_FILE,
    CalibrationRecord,
    InputRecord,
    ModelContract,
    OutputRecord,
    sha256,
)
from harness.compiler.legalise import Applied, legalise, modes_of
from harness.compiler.lower import to_nncase_dialect
from harness.compiler.misread import is_misread
from harness.compiler.placement import Placed, outputs, placement
from harness.compiler.refusal import explain
from harness.compiler.source import Source, source_of_module
from harness.compiler.stock import StockModel, stock_model
from harness.compiler.weights import check_weights
from harness.compiler.worker.checks import check_calibration
from harness.compiler.worker.client import Worker, get_worker
from harness.compiler.worker.environment import NNCASE_VERSION
from harness.compiler.worker.results import Compilation
from harness.errors import CompileError
from harness.files import write_bytes
from harness.kmodel.firmware import Firmware
from harness.method import Deployable
from harness.progress import SILENT, Progress

# Kept with a compiled model in the cache.
_REWRITES_FILE = "rewrites.json"
_NO_REQUESTS: Mapping[str, str] = MappingProxyType({})

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class CompiledModel:
    """A kmodel with all that is known about it.

    Attributes:
        kmodel: kmodel v5, as nncase 1.9 writes it.
        onnx: The model that nncase imported; None when it came from TFLite.
        stock: The same model for stock firmware, or why there is none.
        contract: What is written beside it.
        placement: Every compiled operation in running order.
        rewrites: What the legaliser changed on the way from `onnx` to `kmodel`.
        log: What nncase printed.
        cached: Whether it was found in the cache.
    """

    kmodel: bytes
    stock: StockModel
    onnx: bytes | None
    contract: ModelContract
    placement: tuple[Placed, ...]
    rewrites: tuple[Applied, ...]
    log: str
    cached: bool

    def write(self, folder: Path) -> None:
        """Write `model.kmodel`, `model.v4.kmodel`, `model.onnx` and `contract.json`."""
        write_bytes(folder / KMODEL_FILE, self.kmodel)
        if self.stock.data is not None:
            write_bytes(folder / self.stock.file, self.stock.data)
        if self.onnx is not None:
            write_bytes(folder / ONNX_FILE, self.onnx)
        self.contract.write(folder)


def compile_deployable(
    deployable: Deployable,
    *,
    method: str = "no_clip",
    rewrites: Mapping[str, str] = _NO_REQUESTS,
    progress: Progress = SILENT,
) -> CompiledModel:
    """Compile the module of a deployable with its own calibration images.

    Requests in `rewrites` come before those of the deployable.

    Raises:
        CompileError: As `compile_source`, or weights are no numbers.
    """
    source = source_of_module(
        deployable.module,
        deployable.name,
        deployable.contract,
        deployable.outputs,
        deployable.seeds,
    )
    check_weights(source.kind, source.data)
    return compile_source(
        source,
        deployable.calibration,
        method=method,
        rewrites={**deployable.rewrites, **rewrites},
        progress=progress,
    )


def compile_source(
    source: Source,
    calibration: Images,
    *,
    method: str = "no_clip",
    rewrites: Mapping[str, str] = _NO_REQUESTS,
    progress: Progress = SILENT,
    firmware: Firmware | None = None,
    cache: CompileCache | None = None,
    worker: Worker | None = None,
) -> CompiledModel:
    """Compile a model for the K210, or take the result of an equal compilation from the cache.

    Args:
        source: The model.
        calibration: uint8 [N, C, H, W]; quantisation takes its ranges from these.
        method: How a range is taken: one of `worker.checks.CALIBRATION_METHODS`.
        rewrites: Rewrite of `harness.compiler.legalise` → mode; others have their defaults.
        progress: Who is told.
        firmware: Stock firmware that the converted model has to run on; None for any with v4, and
            then it is no error if the model cannot be converted.
        cache: Where results are kept; None for the user's cache folder.
        worker: The nncase process; None for the shared one.

    Raises:
        CompileError: Calibration images or method do not fit, or nncase refuses the model.
        UsageError: A rewrite or its mode does not exist.
        ConversionError: The model cannot run on the firmware that was asked for.
        SetupError: There is no nncase worker environment.
    """
    check_calibration(calibration, method, (1, *source.contract.shape))
    cache = cache or CompileCache()
    _check_rewrites(source, rewrites)
    entry = key(_key_parts(source, calibration, method, rewrites))
    files = cache.get(entry)
    cached = files is not None
    if files is None:
        with progress.task("compile", None):
            files = _run_nncase(source, calibration, method, rewrites, worker or get_worker())
        _keep(cache, entry, files, progress)
    stock = stock_model(files[KMODEL_FILE], firmware)
    return _compiled(source, calibration, method, rewrites, files, stock, cached)


def _keep(cache: CompileCache, entry: str, files: dict[str, bytes], progress: Progress) -> None:
    # A cache that cannot be written costs time at the next compilation, and nothing else.
    try:
        cache.put(entry, files)
    except OSError as error:
        progress.say(f"the compiled model was not cached: {error}")


def _check_rewrites(source: Source, rewrites: Mapping[str, str]) -> None:
    modes_of(rewrites)
    if rewrites and source.kind != "onnx":
        raise CompileError(
            "a TFLite model cannot be rewritten", "convert it to ONNX, or leave --legalise out"
        )


def _key_parts(
    source: Source, calibration: Images, method: str, rewrites: Mapping[str, str]
) -> dict[str, bytes]:
    contract = source.contract
    return {
        "kind": source.kind.encode(),
        "model": source.data,
        "calibration": calibration.tobytes(),
        "options": json.dumps([contract.shape, contract.range, method, len(calibration)]).encode(),
        "rewrites": json.dumps(modes_of(rewrites)).encode(),
        "compiler": NNCASE_VERSION.encode(),
    }


def _run_nncase(
    source: Source,
    calibration: Images,
    method: str,
    rewrites: Mapping[str, str],
    worker: Worker,
) -> dict[str, bytes]:
    model, applied = _for_nncase(source, calibration, rewrites)
    result = _compile(source, model, calibration, method, worker)
    if modes_of(rewrites)["crop"] == "auto" and is_misread(result.kmodel):
        model, applied = _for_nncase(source, calibration, {**rewrites, "crop": "pool"})
        result = _compile(source, model, calibration, method, worker)
    files = {f"ir/{name}": data for name, data in result.ir.items()}
    return {
        KMODEL_FILE: result.kmodel,
        _REWRITES_FILE: json.dumps([asdict(one) for one in applied]).encode(),
        "nncase.log": result.log.encode(),
        **files,
    }


def _for_nncase(
    source: Source, calibration: Images, rewrites: Mapping[str, str]
) -> tuple[bytes, tuple[Applied, ...]]:
    if source.kind != "onnx":
        return source.data, ()
    legal = legalise(source.data, calibration, source.contract.range, rewrites)
    return to_nncase_dialect(legal.data), legal.applied


def _compile(
    source: Source, model: bytes, calibration: Images, method: str, worker: Worker
) -> Compilation:
    try:
        return worker.compile(
            model,
            source.kind,
            input_shape=(1, *source.contract.shape),
            input_range=source.contract.range,
            calibration=calibration,
            calibrate_method=method,
        )
    except CompileError as error:
        raise explain(error, source.data if source.kind == "onnx" else None) from error


def _compiled(
    source: Source,
    calibration: Images,
    method: str,
    rewrites: Mapping[str, str],
    files: dict[str, bytes],
    stock: StockModel,
    cached: bool,
) -> CompiledModel:
    graphs = {name[3:]: data for name, data in files.items() if name.startswith("ir/")}
    applied = tuple(Applied(**one) for one in json.loads(files[_REWRITES_FILE]))
    onnx = source.data if source.kind == "onnx" else None
    contract = ModelContract(
        schema=1,
        name=source.name,
        input=InputRecord.of(source.contract),
        outputs=_outputs(onnx, graphs),
        kmodel_sha256=sha256(files[KMODEL_FILE]),
        weights_sha256=source.weights_sha256,
        onnx_sha256=sha256(onnx) if onnx is not None else "",
        compiler=f"nncase {NNCASE_VERSION}",
        calibration=CalibrationRecord(
            method=method, images=len(calibration), sha256=sha256(calibration.tobytes())
        ),
        seeds=source.seeds,
        legalise=dict(rewrites),
        rewrites=tuple(one.line for one in applied),
        stock_refusal=stock.refusal,
    )
    if stock.data is not None:
        contract = contract.with_stock(stock.file, stock.version, stock.data)
    return CompiledModel(
        kmodel=files[KMODEL_FILE],
        stock=stock,
        onnx=onnx,
        contract=contract,
        placement=placement(graphs),
        rewrites=applied,
        log=files["nncase.log"].decode(errors="replace"),
        cached=cached,
    )


def _outputs(onnx: bytes | None, graphs: Mapping[str, bytes]) -> tuple[OutputRecord, ...]:
    names = onnx_graph.outputs(onnx) if onnx is not None else outputs(graphs)
    return tuple(OutputRecord(name=name, shape=shape) for name, shape in names)
